"""B6 to B8 and B19 to B21: reports, as an HTTP client that polls every 20 ms sees them."""

import asyncio
import http.client
import json
import math
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import psutil
from tools.service import Service

from benchmarks.ingestion import scaled
from benchmarks.measure import Result, in_turns
from benchmarks.place import Files, Place
from openhours.db.weekly import start_of, week_of
from openhours.stores.tables import OBSERVATIONS
from openhours.times import to_us

_POLL = 0.02
_LOOKBACK = timedelta(days=14)
# Half a second, give or take a quarter: in each round so many times, for a median that stays.
_TURNS = 4
_MB = 1 << 20
_UNPACKED = "SELECT count(*) FROM observation_days WHERE NOT packed"
_JSON = {"Accept": "application/json"}


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """The yardsticks of reports."""
    once = place.database()
    place.ingest(once, files.hours, files.timezones, files.status)
    older = place.database(once)
    asyncio.run(_add_older_polls(older))
    sixteen = place.database(once)
    place.execute(*scaled(16), url=sixteen)
    turns = rounds * _TURNS
    with ready(place.service(once)) as service:
        yield from _with_options(place, once, service, turns)
        with ready(place.service(older)) as other:
            more, less = in_turns(turns, lambda: _report(other), lambda: _report(service))
            yield Result(
                "B6",
                "with ten times as many older polls / without",
                more,
                less,
                more / less,
                1.05,
                1.0,
            )
        with ready(place.service(sixteen)) as large:
            # What was copied by SQL is packed by the worker, as after any change by hand.
            while place.fetchval(sixteen, _UNPACKED):
                time.sleep(1)
            yield from _at_sixteen(place, large)


def _with_options(place: Place, url: str, service: Service, turns: int) -> Iterator[Result]:
    """What it costs to ask for more than the default report."""
    for name, option, needed, aim in (("B19", "intervals", 1.4, 1.2), ("B20", "outages", 1.3, 1.1)):
        asked, default = in_turns(
            turns, partial(_report, service, **{option: True}), lambda: _report(service)
        )
        what = f"report with {option} / without"
        yield Result(name, what, asked, default, asked / default, needed, aim)
    as_of, days = _last_days(service, 31)
    month = {"windows": days, "as_of": as_of.isoformat()}
    info = service.client.post("/trigger_report", json=month).json()
    found = service.client.get(f"/reports/{info['report_id']}", headers=_JSON).json()["polled"]
    back = as_of - datetime.fromisoformat(found["looks_back_to"])
    lookback = str(math.ceil(back / timedelta(days=1)))
    with ready(place.service(url, OPENHOURS_LOOKBACK_DAYS=lookback)) as same:
        daily, default = in_turns(
            turns,
            lambda: _computing(service, **month),
            lambda: _computing(same, as_of=month["as_of"]),
        )
    what = "31 daily windows, without their CSV / the default ones, of the same lookback"
    yield Result("B21", what, daily, default, daily / default, 1.5, 1.2)


def _last_days(service: Service, count: int) -> tuple[datetime, list[str]]:
    """T of polled stores, and the days up to it."""
    newest = service.client.get("/reports", headers=_JSON).json()[0]
    as_of = datetime.fromisoformat(newest["polled"]["as_of"])
    days = (as_of.date() - timedelta(days=n) for n in reversed(range(count)))
    return as_of, [day.isoformat() for day in days]


@contextmanager
def ready(service: Service) -> Iterator[Service]:
    """The service with its worker, which takes longer to start than the server."""
    with service:
        while not service.client.get("/health").json()["workers"]:
            time.sleep(_POLL)
        yield service


def _at_sixteen(place: Place, service: Service) -> Iterator[Result]:
    idle = _p99_health(service, lambda: time.sleep(5))
    busy = _p99_health(service, lambda: _report(service))
    peak, who = _peak_memory(place.folder, service)
    what = f"peak memory of a process at 16 times ({who})"
    yield Result("B7", what, peak, None, peak, 350, 250, unit="MB")
    what = "p99 of /health during a report at 16 times / idle"
    yield Result("B8", what, busy, idle, busy / idle, 4, 2)


async def _add_older_polls(url: str) -> None:
    """Ten times as many polls, all of them older than the lookback: those there are, moved back."""
    connection = await asyncpg.connect(url)
    newest = await connection.fetchval("SELECT max(observed_at) FROM observations")
    oldest_read = week_of(to_us(newest - _LOOKBACK))
    for week in range(oldest_read - 10, oldest_read):
        async with connection.transaction():
            await OBSERVATIONS.create(connection, OBSERVATIONS.name_of(week))
            await connection.execute(
                f"""
                INSERT INTO {OBSERVATIONS.name_of(week)}
                SELECT DISTINCT ON (observed_at, store) * FROM (
                    SELECT store, $1::timestamptz
                        + (observed_at - date_trunc('week', observed_at, 'UTC')) AS observed_at,
                        active
                    FROM observations WHERE observed_at > $2) moved
                """,
                start_of(week),
                newest - _LOOKBACK,
            )
            await OBSERVATIONS.attach(connection, week)
    await connection.close()


def _report(service: Service, **options: object) -> float:
    """Seconds from the trigger until a client that polls sees that it is complete."""
    # The standard library's client: one that eats less of the two cores than what it measures.
    client = http.client.HTTPConnection(service.url.removeprefix("http://"))
    start = time.perf_counter()
    body = json.dumps(options) if options else None
    client.request("POST", "/trigger_report", body, {"Content-Type": "application/json"})
    path = "/get_report/" + json.loads(client.getresponse().read())["report_id"]
    while True:
        client.request("GET", path)
        answer = client.getresponse()
        seen = time.perf_counter() - start
        state = answer.headers["X-Report-Status"]
        if state == "Complete":
            client.close()  # the rows are not what is measured here
            return seen
        text = answer.read()
        if state != "Running":
            raise RuntimeError(text.decode())
        time.sleep(_POLL)


def _computing(service: Service, **options: object) -> float:
    """Seconds that the computation takes, as the report itself says."""
    report_id = service.trigger(**options)
    while True:
        info = service.client.get(f"/reports/{report_id}", headers=_JSON).json()
        if info["status"] != "Running":
            return float(info["duration_seconds"])
        time.sleep(_POLL)


def _p99_health(service: Service, during: Callable[[], object]) -> float:
    """The 99th percentile of /health, asked every 5 ms, while something else goes on."""
    latencies: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=service.url) as client:
            while not over.is_set():
                start = time.perf_counter()
                client.get("/health").raise_for_status()
                latencies.append(time.perf_counter() - start)
                time.sleep(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    during()
    over.set()
    thread.join()
    return statistics.quantiles(latencies, n=100)[98]


def _peak_memory(folder: Path, service: Service) -> tuple[float, str]:
    """The largest resident set that any process had, in MB, and which; shared memory counts."""
    assert service.process is not None
    server = psutil.Process(service.process.pid)
    postmaster = int((folder / "postgresql" / "postmaster.pid").read_text().split()[0])
    processes = [server, *server.children(recursive=True)]
    processes += psutil.Process(postmaster).children(recursive=True)
    peaks = []
    for process in processes:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
        peaks.append((peak * 1024 / _MB, " ".join(process.cmdline()).strip()[-60:]))
    return max(peaks)
