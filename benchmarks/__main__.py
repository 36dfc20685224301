"""Runs the benchmarks, prints a table, writes `results.json`."""

import argparse
import json
import os
import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.helpers.chromium import WHOLE_CHROMIUM

from benchmarks import (
    against_scripts,
    heartbeats,
    ingestion,
    intervals,
    pages,
    reports,
    storage,
    writes,
)
from benchmarks.measure import Result
from benchmarks.place import files, make_place

GROUPS = {
    "scripts": against_scripts.run,
    "ingestion": ingestion.run,
    "reports": reports.run,
    "writes": writes.run,
    "intervals": intervals.run,
    "heartbeats": heartbeats.run,
    "storage": storage.run,
    "pages": pages.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], help="all without any")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    console = Console()
    results: list[Result] = []
    groups = options.groups or list(GROUPS)
    if "writes" in groups and shutil.which("wrk") is None:
        console.print("B9 and B10 are left out: they need wrk (apt-get install wrk)")
        groups.remove("writes")
    if "pages" in groups and WHOLE_CHROMIUM is None:
        console.print("B13 is left out: it needs Chromium (apt-get install chromium)")
        groups.remove("pages")
    here = make_place()
    data = files(here.folder)
    for name in groups:
        for result in GROUPS[name](here, data, options.rounds):
            console.print(f"{result.name} {result.what}: {result.value:.3g}", highlight=False)
            results.append(result)
    console.print(_table(results))
    _write(results, options.rounds)


def _table(results: list[Result]) -> Table:
    table = Table("", "what / against", "ours", "against", "ratio", "needed", "aim", "", box=None)
    for one in results:
        sign = "≥" if one.higher_is_better else "≤"
        against = "" if one.against is None else f"{one.against:.3g} {one.unit}"
        table.add_row(
            one.name,
            one.what,
            f"{one.ours:.3g} {one.unit}",
            against,
            f"{one.value:.3g}",
            f"{sign} {one.needed:g}",
            f"{sign} {one.aim:g}",
            one.verdict,
        )
    return table


def _write(results: list[Result], rounds: int) -> None:
    path = Path(__file__).parent / "results.json"
    earlier = json.loads(path.read_text())["results"] if path.exists() else []
    measured = {result.name for result in results}
    kept = [one for one in earlier if one["name"] not in measured]  # of groups not run now
    machine = {"cpus": os.cpu_count(), "platform": platform.platform()}
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "results": sorted(
            [*kept, *({**result.as_dict(), "rounds": rounds} for result in results)],
            key=lambda one: (one["name"][0], int(one["name"][1:])),
        ),
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
