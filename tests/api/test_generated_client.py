"""A client that openapi-python-client makes of docs/openapi.json does the main job."""

import os
import sys
from pathlib import Path

import pytest
from tools.openapi import PROMISED
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.clients import make_keys
from tests.helpers.csv_files import ID, status_csv
from tests.helpers.packages import install, run_python

pytestmark = pytest.mark.slow

PACKAGES = (
    "openapi-python-client==0.29.1",
    "ruamel.yaml==0.19.1",
    "python-dateutil==2.9.0.post0",
    "six==1.17.0",
    "attrs==26.1.0",
)
MAIN_JOB = """
import io, sys

from client import AuthenticatedClient
from client.api.ingestion import get_ingestion, ingest_any
from client.api.reports import get_report, trigger_report
from client.models import IngestAnyFilesBody, TriggerReportReportOptions
from client.types import File

url, key, path = sys.argv[1:]
with AuthenticatedClient(base_url=url, token=key) as client:
    body = IngestAnyFilesBody(file=File(payload=open(path, "rb"), file_name="polls.csv"))
    accepted = ingest_any.sync(client=client, body=body)
    while (file := get_ingestion.sync(accepted.ingestion_id, client=client)).state != "complete":
        assert file.state in ("queued", "running"), file
    options = TriggerReportReportOptions.from_dict({"windows": ["last_day"]})
    triggered = trigger_report.sync(client=client, body=options)
    csv = get_report.sync(client=client, report_id=triggered.report_id, prefer="wait=60")
    print(csv, end="")
    gone = get_report.sync(client=client, report_id="none")
    print(gone.status, gone.detail)
"""


def test_it_loads_a_file_and_waits_for_a_report_behind_a_key(
    settings: Settings, place: Path
) -> None:
    packages = place / "packages"
    install(packages, *PACKAGES)
    # It asks ruff for the format of what it writes.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PYTHONPATH": f"{packages}:{place}", "PATH": path}
    generate = ("-m", "openapi_python_client", "generate", "--meta", "none")
    said = run_python(
        environment, *generate, "--path", PROMISED, "--output-path", "client", cwd=place
    )
    # Bodies as they are, of which it knows JSON and forms only.
    left_out = {line for line in said.splitlines() if line.startswith("WARNING")}
    assert left_out <= {
        f"WARNING parsing POST /ingest{kind} within ingestion." for kind in ("", "/{kind}")
    }
    (place / "polls.csv").write_bytes(status_csv(["2023-01-20 12:00:00 active"], ID))
    [key] = make_keys(settings, [["ingest", "report"]])
    with Service(place) as service:
        done = run_python(environment, "-c", MAIN_JOB, service.url, key, "polls.csv", cwd=place)
    header, row, missing = done.splitlines()
    assert header.startswith("store_id,")
    assert row == f"{ID},24.00,0.00"
    assert missing == "404 no report has this id"
