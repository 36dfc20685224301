"""The agent on a PC: beats on a steady clock, keeps every beat on disk, and sends what waits.

It needs httpx and the standard library, nothing of the server.
"""

import asyncio
import hashlib
import os
import signal
import sqlite3
import sys
import time
import urllib.parse
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import typer

from openhours.agent.beat_queue import BeatQueue, QueuedBeat, hold
from openhours.agent.sender import Delivered, Kept, Outcome, make_client, send
from openhours.remote import pause

_MAX_IN_BATCH = 1000
_FLUSH = 5.0

Say = Callable[[str], None]


def state_folder() -> Path:
    """Return the folder where this user's programs keep their state on this platform."""
    if sys.platform in ("win32", "darwin"):
        return Path(typer.get_app_dir("openhours", roaming=False))
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return base / "openhours"


def file_name(name: str, suffix: str) -> str:
    """Return a file name for a PC's name, which may contain what file systems refuse."""
    quoted = urllib.parse.quote(name, safe=" ").replace("%", "_")
    if quoted != name:
        quoted = f"{quoted[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return quoted + suffix


def run(
    server: httpx.URL, name: str, every: float, path: Path | None, key: str | None, say: Say
) -> None:
    """Send beats as PC `name` every `every` seconds until SIGTERM or SIGINT; `path` is the queue's.

    Raise InUse when another agent beats as this PC or holds the queue, and sqlite3.Error or
    OSError when the queue cannot be opened.
    """
    path = path or state_folder() / file_name(name, ".db")
    with (
        closing(hold(state_folder() / file_name(name, ".lock"))),
        closing(BeatQueue(path)) as queue,
    ):
        waiting = f" ({queue.waiting:,} beats wait in it)" if queue.waiting else ""
        where = server.copy_with(userinfo=b"")
        say(f"beating as {name} every {every:g} s for {where}; the queue is {path}{waiting}")
        asyncio.run(_Agent(server, name, every, queue, key, say).run())
        refused = queue.refused()
        aside = f", {refused:,} were refused for ever" if refused else ""
        say(f"stopped; {queue.waiting:,} beats wait in {path}{aside}")


def next_period(period: int, passed: float) -> int:
    """Return the period of the next beat after that of `period`, made when `passed` had passed."""
    return max(period, round(passed)) + 1


class _Agent:
    def __init__(
        self,
        server: httpx.URL,
        name: str,
        every: float,
        queue: BeatQueue,
        key: str | None,
        say: Say,
    ) -> None:
        self._name = name
        self._every = every
        self._queue = queue
        self._tell = say
        self._client = make_client(server, key)
        self._added = asyncio.Event()
        self._size = _MAX_IN_BATCH
        self._failures = 0
        self._not_before = 0.0  # the server asked so
        self._sending_state: str | None = None  # nothing is known yet
        self._disk_state = ""

    async def run(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Windows has no loop.add_signal_handler.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
        async with self._client:
            tasks = [
                asyncio.create_task(work) for work in (self._beat_forever(), self._send_forever())
            ]
            stopping = asyncio.create_task(stopped.wait())
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in (stopping, *tasks):
                task.cancel()
            for task in done - {stopping}:
                task.result()  # neither ever ends but by an error
            await asyncio.wait(tasks)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH):
                    await self._flush()

    async def _beat_forever(self) -> None:
        """Send beats at whole multiples of the period since the start: delays do not add up.

        What passed by while the PC slept is left out, and so is what follows too closely on it.
        """
        start = time.monotonic()
        period = 0
        while True:
            passed = (time.monotonic() - start) / self._every
            self._beat()
            period = next_period(period, passed)
            await asyncio.sleep(start + period * self._every - time.monotonic())

    def _beat(self) -> None:
        try:
            kept_all = self._queue.add(self._name, datetime.now(UTC))
        except sqlite3.OperationalError as error:
            self._say_disk(f"beats are lost, the queue cannot be written: {error}")
            return
        self._say_disk("" if kept_all else "the queue is full: the oldest beats are given up")
        self._added.set()

    async def _send_forever(self) -> None:
        while True:
            self._added.clear()
            beats = self._queue.oldest(self._size)
            if not beats:
                await self._added.wait()
                continue
            outcome = await self._send(beats)
            if isinstance(outcome, Kept):
                self._failures += 1
                wait = max(pause(self._failures), outcome.after)
                self._not_before = time.monotonic() + outcome.after
                await asyncio.sleep(wait)
            else:
                self._failures = 0

    async def _flush(self) -> None:
        """Try once more to send everything, unless the server asked for a pause."""
        while time.monotonic() >= self._not_before:
            beats = self._queue.oldest(self._size)
            if not beats or isinstance(await self._send(beats), Kept):
                return

    async def _send(self, beats: Sequence[QueuedBeat]) -> Outcome:
        outcome = await send(self._client, beats)
        try:
            self._note(beats, outcome)
        except sqlite3.OperationalError as error:
            # They will be sent again, and the server knows them by their ids.
            outcome = Kept(f"the queue cannot be written: {error}")
            self._say_sending(outcome.reason)
        return outcome

    def _note(self, beats: Sequence[QueuedBeat], outcome: Outcome) -> None:
        if isinstance(outcome, Delivered):
            self._queue.remove(beats)
            self._size = min(2 * self._size, _MAX_IN_BATCH)
            more = f"; {self._queue.waiting:,} more wait" if self._queue.waiting else ""
            self._say_sending("", f"the server has {_count(beats)}{more}")
        elif isinstance(outcome, Kept):
            self._say_sending(outcome.reason)
        elif len(beats) > 1:
            # One of them is to blame: find it by halving.
            self._size = len(beats) // 2
        else:
            self._queue.set_aside(beats[0], outcome.reason)
            at = beats[0].event_time
            text = f"refused for ever, from the beat of {at} on: {outcome.reason}"
            self._say_sending(f"refused: {outcome.reason}", text)

    def _say_sending(self, state: str, text: str | None = None) -> None:
        """Say the first of equal states; the empty one is that all is well."""
        if state != self._sending_state:
            self._sending_state = state
            self._tell(text or f"beats wait on disk: {state}")

    def _say_disk(self, state: str) -> None:
        if state != self._disk_state:
            self._disk_state = state
            self._tell(state or "the queue takes beats again")


def _count(beats: Sequence[QueuedBeat]) -> str:
    return "the beat" if len(beats) == 1 else f"{len(beats):,} beats"
