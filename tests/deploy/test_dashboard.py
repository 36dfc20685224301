"""Each query of the dashboards finds data.

A real Prometheus (Debian's package) scrapes a real server, as deploy/prometheus tells it to; what
the Infinity data source asks for is asked for here.
"""

import json
import re
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
DASHBOARDS = [
    json.loads(file.read_text()) for file in sorted((DEPLOY / "grafana/dashboards").iterdir())
]
TARGETS = [
    target
    for dashboard in DASHBOARDS
    for panel in dashboard["panels"]
    for target in panel["targets"]
]
VARIABLES = [
    variable
    for dashboard in DASHBOARDS
    for variable in dashboard.get("templating", {"list": []})["list"]
]
# What a visitor has chosen.
CHOSEN = {"key": "region", "window": "last_day"}
INFINITY = [target for target in TARGETS if target.get("type") == "json"]

STATUS = b"""store_id,timestamp_utc,status
1,2023-01-22 12:09:39.388884 UTC,active
1,2023-01-22 15:09:39.388884 UTC,inactive
1,x,active
"""
LABELS = b"store_id,region\n1,west\n"
EVENT = {"user_id": 6, "event_action_timestamp": "2025-10-10T18:30:00Z", "action": "viewed"}


def _filled(text: str, **values: str) -> str:
    for name, value in (CHOSEN | values).items():
        text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
    return text


QUERIES = [_filled(target["expr"]) for target in TARGETS if "expr" in target]


def _yaml(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text())


def _use(service: Service) -> None:
    service.client.post("/api/event", json=EVENT)
    service.client.post("/api/event", json={})
    service.client.post("/visit", json={"user_id": "ann", "page_url": "/"})
    service.client.post("/track")
    service.upload("status", STATUS)
    service.upload("labels", LABELS)
    service.wait_report(service.trigger(outages=True))


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_the_dashboards_use_only_metrics_that_exist(place: Path) -> None:
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
            for variable in VARIABLES:
                if "definition" in variable:
                    assert CHOSEN[variable["name"]] in _choices(client, variable["definition"])
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


def _choices(client: httpx.Client, definition: str) -> list[str]:
    """What Grafana's `label_values(metric, label)` offers."""
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", definition)
    assert found is not None, definition
    answer = client.get(f"/api/v1/label/{found[2]}/values", params={"match[]": found[1]})
    values: list[str] = answer.json()["data"]
    return values


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_tables_from_json_find_their_rows_and_columns(place: Path) -> None:
    [report] = [one for one in VARIABLES if "infinityQuery" in one["query"]]
    listing = report["query"]["infinityQuery"]
    with Service(place) as service:
        _use(service)
        listed = service.client.get(listing["url"]).json()
        # As the JSONata of its `root_selector` chooses.
        wanted = {"status": "Complete", "outages": True, "stores_asked": None, "labels": None}
        assert all(f"{name}=" in listing["root_selector"] for name in wanted if name != "status")
        [newest] = [one for one in listed if wanted.items() <= one.items()]
        assert {target["datasource"]["uid"] for target in INFINITY} == {"infinity"}
        for target in INFINITY:
            url = _filled(target["url"], report=newest[listing["columns"][0]["selector"]])
            rows = service.client.get(url).json()[target["root_selector"]]
            assert rows, url
            selectors = {_filled(column["selector"]) for column in target["columns"]}
            assert selectors <= rows[0].keys(), url
