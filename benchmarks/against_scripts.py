"""B1, B2, B5 and B14: files in, report and CSV out over HTTP, against scripts of the same report.

The yardstick is the script for DuckDB; those for chdb and Polars stand beside it.
"""

import csv
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import duckdb
from tools.service import Service

from benchmarks.ingestion import scaled
from benchmarks.measure import Result, in_turns, seconds
from benchmarks.peers import chdb_script, duckdb_script, polars_script
from benchmarks.place import Files, Place
from benchmarks.reports import ready

_AT_REST = 90.0  # seconds; autovacuum and the packs of observations have passed by then
_JSON = {"Content-Type": "application/json"}
# Scripts round halves apart.
_APART = 0.0101


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """The yardsticks against scripts."""
    script = duckdb_script.load(files.status, files.hours, files.timezones)
    out = place.folder / "figures.csv"
    yield from _after_loading(place, files, script, out, rounds)
    once = place.database()
    place.ingest(once, files.hours, files.timezones, files.status)
    scripts: dict[str, Callable[[], None]] = {
        "DuckDB": partial(duckdb_script.report, script, out),
        **_others(files, out),
    }
    yield from _at_rest(place, once, scripts, out, rounds)
    for factor in (4, 16):
        url = place.database(once)
        place.execute(*scaled(factor), url=url)
        _more_stores(script, factor)
        by_script = partial(seconds, scripts["DuckDB"])
        with ready(place.service(url)) as service:
            time.sleep(_AT_REST)
            ours, its = in_turns(rounds, partial(seconds, partial(download, service)), by_script)
        what = f"trigger to CSV at {factor} times the stores / DuckDB script, its table to CSV"
        yield _result("B5", what, ours, its, 0.3, 0.15)


def _after_loading(
    place: Place, files: Files, script: duckdb.DuckDBPyConnection, out: Path, rounds: int
) -> Iterator[Result]:
    reports: list[float] = []
    again: list[float] = []
    in_memory: list[float] = []

    def load_and_report() -> float:
        url = place.database()
        with ready(place.service(url)) as service:
            for kind, file in (("hours", files.hours), ("timezones", files.timezones)):
                _upload(service, kind, file)
            spent = seconds(lambda: _upload(service, "status", files.status))
            reports.append(seconds(lambda: download(service)))
            _upload(service, "status", files.hourly[0])
            again.append(seconds(lambda: download(service)))
        place.drop(url)
        return spent

    def by_script_after_loading() -> float:
        in_memory.append(seconds(partial(duckdb_script.load_polls, script, files.status)))
        duckdb_script.sort_polls(script)
        return seconds(partial(duckdb_script.report, script, out))

    loaded, scripted = in_turns(rounds, load_and_report, by_script_after_loading)
    what = "first ingestion over HTTP / DuckDB's reading of the CSV into a table in memory"
    yield _result("B2", what, loaded, statistics.median(in_memory), 4.5, 3)
    what = "trigger to CSV right after loading / DuckDB script, its table to CSV"
    first, second = statistics.median(reports), statistics.median(again)
    yield _result("B1", what, first, scripted, 0.5, 0.25)
    what = "trigger to CSV right after an hour's file / the first time"
    yield _result("B14", what, second, first, 0.5, 0.3)


def _at_rest(
    place: Place, url: str, scripts: dict[str, Callable[[], None]], out: Path, rounds: int
) -> Iterator[Result]:
    with ready(place.service(url)) as service:
        time.sleep(_AT_REST)
        expected = download(service)
        for name, report in scripts.items():
            report()
            _compare(name, out.read_text(), expected.decode())
        actions = [partial(seconds, report) for report in scripts.values()]
        ours, *theirs = in_turns(rounds, partial(seconds, partial(download, service)), *actions)
    for name, its in zip(scripts, theirs, strict=True):
        what = f"trigger to CSV at rest / {name} script, its table to CSV"
        yield _result("B1", what, ours, its, 0.5, 0.25)


def _others(files: Files, out: Path) -> dict[str, Callable[[], None]]:
    """Return what writes the report by the other scripts, which have read the files."""
    inputs = files.status, files.hours, files.timezones
    return {
        "chdb (openings computed before)": partial(
            chdb_script.report, chdb_script.load(*inputs), out
        ),
        "Polars": partial(polars_script.report, polars_script.load(*inputs), out),
    }


def _compare(name: str, its: str, ours: str) -> None:
    """Raise RuntimeError if a script's figures are not ours."""
    found, expected = (
        {row["store_id"]: row for row in csv.DictReader(text.splitlines())} for text in (its, ours)
    )
    if found.keys() != expected.keys():
        raise RuntimeError(f"{name}: {len(found)} stores instead of {len(expected)}")
    for store, row in expected.items():
        for column, figure in row.items():
            other = found[store][column]
            if other != figure and abs(float(other) - float(figure)) > _APART:
                raise RuntimeError(f"{name}: {store} has {other} instead of {figure} for {column}")


def _result(name: str, what: str, ours: float, its: float, needed: float, aim: float) -> Result:
    return Result(name, what, ours, its, ours / its, needed, aim)


def _more_stores(script: duckdb.DuckDBPyConnection, factor: int) -> None:
    """Make the script's stores so many times as many as at first."""
    for table, order in (("polls", "store_id, seen"), ("hours", "store_id"), ("zones", "store_id")):
        columns = "* EXCLUDE (k) REPLACE (store_id || '-' || k AS store_id)"
        script.execute(
            f"CREATE OR REPLACE TABLE {table} AS WITH first AS "
            f"(FROM {table} WHERE NOT contains(store_id, '-')) "
            f"SELECT * FROM (FROM first UNION ALL SELECT {columns} "
            f"FROM first, range(1, {factor}) copies(k)) ORDER BY {order}"
        )


def _upload(service: Service, kind: str, file: Path) -> None:
    """Upload a file as it lies on disk, and wait until it is loaded."""
    with file.open("rb") as body:
        answer = service.client.post(f"/ingest/{kind}", content=body)
    address = f"/ingestions/{answer.raise_for_status().json()['ingestion_id']}"
    # Polling would slow down what is measured.
    service.client.get(f"{address}/events", timeout=None)
    done = service.client.get(address).json()
    if done["state"] != "complete":
        raise RuntimeError(str(done))


def download(service: Service) -> bytes:
    """Trigger a report and wait for it, as the README does; return its CSV."""
    # The standard library's client: one that eats less of the two cores than what it measures.
    client = HTTPConnection(service.url.removeprefix("http://"))
    client.request("POST", "/trigger_report", None, _JSON)
    path = "/get_report/" + json.loads(client.getresponse().read())["report_id"]
    while True:
        client.request("GET", path, headers={"Prefer": "wait=60"})
        answer = client.getresponse()
        content = answer.read()
        state = answer.headers["X-Report-Status"]
        if state == "Complete":
            client.close()
            return content
        if state != "Running":
            raise RuntimeError(content.decode())
