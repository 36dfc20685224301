"""DuckDB reads a report's Parquet over HTTP, by ranges, as docs/clients.md shows."""

import platform
import re
import shutil
from pathlib import Path

import pytest
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys
from tests.helpers.csv_files import ID
from tests.helpers.documents import blocks
from tests.helpers.packages import install, run_python

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs/clients.md"
# The newest whose extension is on PyPI; the service's own environment has none.
VERSION = "1.5.5"
STORES = 30_000
# What it says of a query: so many requests, and bytes that came in.
FETCHED = """
query = 'EXPLAIN ANALYZE SELECT sum("downtime_last_week(in hours)") FROM read_parquet(?)'
print(duckdb.execute(query, [report]).fetchall()[0][1])
"""
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.fixture
def duckdb(folder: Path) -> dict[str, str]:
    """Where DuckDB is, in environment variables; its extension is where it would install it."""
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        pytest.skip("no extension of DuckDB is known for this machine")
    packages, home = folder / "packages", folder / "home"
    install(packages, f"duckdb=={VERSION}", f"duckdb-extension-httpfs=={VERSION}")
    [extension] = packages.rglob("httpfs.duckdb_extension")
    installed = home / f".duckdb/extensions/v{VERSION}/linux_{MACHINES[platform.machine()]}"
    installed.mkdir(parents=True)
    shutil.copy(extension, installed)
    return {"PYTHONPATH": str(packages), "HOME": str(home)}


def polls(stores: int) -> bytes:
    rows = [f"{ID}{n},active,2023-01-18 12:00:00 UTC" for n in range(1, stores + 1)]
    return "\n".join(["store_id,status,timestamp_utc", *rows]).encode()


def test_duckdb_reads_what_it_needs_of_a_report_behind_a_key(
    settings: Settings, place: Path, duckdb: dict[str, str]
) -> None:
    [key] = make_keys(settings, [["report", "ingest"]])
    [shown] = [block.text for block in blocks(DOCUMENT) if "import duckdb" in block.text]
    environment = {**duckdb, "OPENHOURS_KEY": key}
    with Service(place) as service:
        service.client.headers.update(bearer(key))
        assert service.upload("status", polls(STORES))["loaded"] == STORES
        report_id = service.trigger()
        file = service.wait_report(report_id, params={"format": "parquet"})
        script = re.sub(
            r"http://localhost:8000/get_report/\w+", f"{service.url}/get_report/{report_id}", shown
        )
        lines = [
            line.split() for line in run_python(environment, "-c", script, cwd=place).splitlines()
        ]
        assert len(lines) == 10
        assert all(store_id.startswith(ID) and float(up) == 168 for store_id, up in lines)
        fetched = re.search(
            r"in: ([\d.]+) KiB", run_python(environment, "-c", script + FETCHED, cwd=place)
        )
    assert fetched is not None
    assert float(fetched[1]) < len(file.content) / 1024 / 10
