"""The scripts that benchmarks compare with compute the same report, but for clock changes.

Their engines come with `make .venv/bench`.
"""

import gzip
from importlib import import_module
from pathlib import Path

import pytest
from tools.service import Service

from openhours.ingestion import sample_data
from tests.helpers.csv_files import ID, hours_csv, rows_of, status_csv, zone_csv

SHARED_SERVICE = True

ZONES = ("Asia/Kolkata", "America/Phoenix", "UTC", "Pacific/Kiritimati")
KINDS = ("status", "hours", "timezones")


def by_service(service: Service, files: list[Path]) -> dict[str, dict[str, str]]:
    for kind, file in zip(KINDS, files, strict=True):
        assert service.upload(kind, file.read_bytes())["state"] == "complete"
    return rows_of(service.wait_report(service.trigger()).text)


@pytest.fixture(params=["chdb", "duckdb", "polars"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    pytest.importorskip(name)
    return name


def by_script(engine: str, files: list[Path], out: Path) -> dict[str, dict[str, str]]:
    script = import_module(f"benchmarks.peers.{engine}_script")
    script.report(script.load(*files), out)
    return rows_of(out.read_text())


def in_numbers(rows: dict[str, dict[str, str]]) -> dict[str, dict[str, float | None]]:
    return {
        store: {name: float(text) if text else None for name, text in row.items()}
        for store, row in rows.items()
    }


def test_where_no_clock_changes_it_has_the_figures_of_the_service(
    service: Service, engine: str, place: Path
) -> None:
    packed, hours, *_ = sample_data.write(place, 300)
    status, timezones = place / "status.csv", place / "zones.csv"
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines(keepends=True)
    text = "".join(line for line in lines if "E+" not in line)  # the script rejects no row
    status.write_text(text)
    stores = sorted(rows_of(text))
    zones = (f"{store},{ZONES[int(store) % len(ZONES)]}\n" for store in stores)
    timezones.write_text("store_id,timezone_str\n" + "".join(zones))
    files = [status, hours, timezones]
    expected = in_numbers(by_service(service, files))
    assert len(expected) == 300
    found = in_numbers(by_script(engine, files, place / "out.csv"))
    assert found.keys() == expected.keys()
    for store, row in found.items():
        assert row == pytest.approx(expected[store], abs=0.0101), "the halves are rounded apart"


def test_an_opening_that_a_clock_change_skips_is_where_they_differ(
    service: Service, engine: str, place: Path
) -> None:
    """On 13 March 2022 New York had no 02:30: this shop opened at 03:00, not at 03:30."""
    files = [place / f"{kind}.csv" for kind in KINDS]
    contents = (
        status_csv(["2022-03-13 07:40:00 active", "2022-03-13 09:00:00 active"]),
        hours_csv([(6, "02:30", "04:00")]),
        zone_csv("America/New_York"),
    )
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    day = "uptime_last_day(in hours)"
    assert by_service(service, files)[ID][day] == "1.00"
    assert float(by_script(engine, files, place / "out.csv")[ID][day]) == 0.5
