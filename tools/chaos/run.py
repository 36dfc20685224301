"""One run: servers and clients, faults meanwhile, and the check afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from tools.chaos.caller import Ledger
from tools.chaos.check import count_given_up, find_problems
from tools.chaos.clients import busy_clients
from tools.chaos.faults import QUERY_TIMEOUT, Faults
from tools.service import Service

from openhours.db import embedded

SERVERS = 2
_TIMEOUT = 180.0  # seconds, until what was acknowledged is done


@dataclass(frozen=True)
class Outcome:
    """What was done to the servers and by them, each counted by kind; and what is wrong.

    given_up: reports and uploads that failed because each of three attempts was hit
    """

    seconds: float
    faults: Counter[str]
    acknowledged: Counter[str]
    refused: Counter[str]
    given_up: Counter[str]
    problems: list[str]

    def counts(self) -> dict[str, Counter[str]]:
        """Return all that is counted, by its name."""
        names = ("faults", "acknowledged", "refused", "given_up")
        return {name.replace("_", " "): getattr(self, name) for name in names}


def run(folder: Path, seed: int, kills: int, *, suspend_every: int | None = None) -> Outcome:
    """Kill processes of two servers and of their database so many times, while they are used.

    folder: an empty one, which the database's user may enter
    suspend_every: let something stall, too, after so many kills
    """
    began = time.monotonic()
    home = folder / "home"
    ledger = Ledger()
    with _servers(folder, home) as servers:
        faults = Faults(servers, home, ledger, seed)
        with busy_clients([server.url for server in servers], ledger, seed):
            for number in range(1, kills + 1):
                faults.kill()
                if suspend_every and number % suspend_every == 0:
                    faults.suspend()
            for server in servers:
                server.wait_until_it_answers()
        url = embedded.start(home)
        asyncio.run(_wait_until_done(url))
    problems = asyncio.run(find_problems(url, home, ledger))
    given_up = asyncio.run(count_given_up(url))
    embedded.leave(home)
    return Outcome(
        seconds=time.monotonic() - began,
        faults=faults.done,
        acknowledged=ledger.acknowledged(),
        refused=ledger.refused,
        given_up=given_up,
        problems=[*problems, *_left_processes(home)],
    )


@contextmanager
def _servers(folder: Path, home: Path) -> Iterator[list[Service]]:
    """Servers with a worker each, and an embedded database that they share."""
    settings = {
        "OPENHOURS_DATA_DIR": str(home),
        "OPENHOURS_INBOX": str(folder / "inbox"),
        "OPENHOURS_PROCESSES": "1",
        "OPENHOURS_ACTIVITY_CRON": "* * * * * */5",
        "OPENHOURS_QUERY_TIMEOUT_SECONDS": str(QUERY_TIMEOUT),
    }
    servers = [Service(folder, **settings) for _ in range(SERVERS)]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_until_it_answers()
        yield servers
    finally:
        for server in servers:
            server.stop()
            server.client.close()


async def _wait_until_done(url: str) -> None:
    """Return when the queue is empty, or after a long time."""
    connection = await asyncpg.connect(url)
    deadline = time.monotonic() + _TIMEOUT
    while await connection.fetchval("SELECT count(*) FROM pgqueuer"):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    await connection.close()


def _left_processes(home: Path) -> Iterator[str]:
    """Yield the processes that were started for these servers and have not ended."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("OPENHOURS_DATA_DIR") == str(home):
                yield f"{process.pid} still runs: {' '.join(process.cmdline())}"
        except psutil.Error:
            continue
