"""Each of the dashboard's queries finds data.

A real Prometheus (Debian's package) scrapes a real server, as deploy/prometheus tells it to.
"""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tools.service import Service

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/openhours.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]

STATUS = b"store_id,timestamp_utc,status\n1,2023-01-22 12:09:39.388884 UTC,active\n1,x,active\n"
EVENT = {"user_id": 6, "event_action_timestamp": "2025-10-10T18:30:00Z", "action": "viewed"}


def _yaml(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text())


def _use(service: Service) -> None:
    service.client.post("/api/event", json=EVENT)
    service.client.post("/api/event", json={})
    service.client.post("/visit", json={"user_id": "ann", "page_url": "/"})
    service.upload("status", STATUS)
    service.wait_report(service.trigger())


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_the_dashboard_uses_only_metrics_that_exist(place: Path) -> None:
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("no Prometheus here: apt-get install prometheus")
    with Service(place) as service:
        _use(service)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        configuration = _configuration(place, service.port)
        arguments = [
            f"--config.file={configuration}",
            f"--storage.tsdb.path={place / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (place / "prometheus.log").open("wb") as log:
            process = subprocess.Popen([prometheus, *arguments], stdout=log, stderr=log)
        try:
            client = httpx.Client(base_url=f"http://127.0.0.1:{port}")
            missing = _wait_for_data(client, service)
            assert not missing, f"no data for {missing}\n{(place / 'prometheus.log').read_text()}"
        finally:
            process.terminate()
            process.wait(20)


def _configuration(place: Path, port: int) -> Path:
    """The project's own, with this test's server, a short interval and some key."""
    configuration = _yaml("prometheus/prometheus.yml")
    configuration["global"]["scrape_interval"] = "500ms"
    (job,) = configuration["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (place / "key").write_text("a-key-that-an-open-server-does-not-ask-for")
    job["authorization"]["credentials_file"] = str(place / "key")
    file = place / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    return file


def _wait_for_data(client: httpx.Client, service: Service) -> list[str]:
    """Queries that find nothing, even after some scrapes while the server is used."""
    missing = QUERIES
    deadline = time.monotonic() + 30
    while missing and time.monotonic() < deadline:
        time.sleep(0.5)
        _use(service)
        try:
            missing = [query for query in QUERIES if not _finds_data(client, query)]
        except httpx.TransportError:
            continue  # it is starting
    return missing


def _finds_data(client: httpx.Client, query: str) -> bool:
    answer = client.get("/api/v1/query", params={"query": query})
    if answer.status_code == 503:
        return False  # it is starting
    assert answer.status_code == 200, (query, answer.text)
    return any(series["value"][1] != "NaN" for series in answer.json()["data"]["result"])
