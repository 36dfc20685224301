"""`Dockerfile`, `docker-compose.yml`, `deploy/`: they name what exists, and confine it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from openhours.settings import Settings

TOP = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((TOP / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# The Dockerfile's instructions, a line each.
IMAGE = re.sub(r"\\\n\s*", "", (TOP / "Dockerfile").read_text()).splitlines()

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def _yaml(path: str) -> Any:
    return yaml.safe_load((TOP / path).read_text())


def _variables_of_settings() -> set[str]:
    prefixed = {f"OPENHOURS_{name.upper()}" for name in Settings.model_fields}
    return prefixed - {"OPENHOURS_DATABASE_URL"} | {"DATABASE_URL"}


def _final_stage() -> list[str]:
    return IMAGE[max(i for i, line in enumerate(IMAGE) if line.startswith("FROM ")) :]


def test_the_composition_has_the_database_the_service_workers_and_monitoring() -> None:
    assert set(SERVICES) == {"postgres", "app", "worker", "prometheus", "grafana"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert SERVICES["worker"]["command"] == ["openhours", "worker"]
    assert SERVICES["app"]["build"] == SERVICES["worker"]["build"] == "."


@each_service
def test_a_service_cannot_write_to_its_image_nor_use_a_privilege(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"][0] == "/tmp"
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode"} & set(service)


@each_service
def test_an_image_from_elsewhere_is_pinned_by_its_version(service: dict[str, Any]) -> None:
    if "build" not in service:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-bookworm)?", service["image"])


@each_service
def test_a_service_is_reached_from_this_machine_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@each_service
def test_volumes_and_dependencies_exist(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source, _, _ = volume.partition(":")
        if source.startswith("."):
            assert (TOP / source).exists(), source
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]
    for name, wanted in service.get("depends_on", {}).items():
        assert wanted["condition"] == "service_healthy"
        assert "healthcheck" in SERVICES[name]


def test_workers_do_not_wait_for_a_server_that_is_unhealthy_without_them() -> None:
    assert set(SERVICES["worker"]["depends_on"]) == {"postgres"}


def test_each_variable_of_the_service_is_a_setting() -> None:
    known = _variables_of_settings()
    for name in ("app", "worker"):
        assert set(SERVICES[name]["environment"]) <= known
    in_the_image = set(re.findall(r"\b(OPENHOURS_\w+)=", "\n".join(_final_stage())))
    assert {"OPENHOURS_HOST", "OPENHOURS_DATA_DIR", "OPENHOURS_INBOX"} <= in_the_image <= known


def test_the_volumes_lie_where_the_image_tells_the_service_to_write() -> None:
    image = dict(re.findall(r"\b(OPENHOURS_\w+)=(\S+)", "\n".join(_final_stage())))
    for name in ("app", "worker"):
        assert f"home:{image['OPENHOURS_DATA_DIR']}" in SERVICES[name]["volumes"]
        assert f"./data:{image['OPENHOURS_INBOX']}:ro" in SERVICES[name]["volumes"]
    assert f"VOLUME {image['OPENHOURS_DATA_DIR']}" in _final_stage()
    assert SERVICES["app"]["ports"] == [f"127.0.0.1:8000:{image['OPENHOURS_PORT']}"]


def test_the_image_is_pinned_and_runs_as_nobody_in_particular() -> None:
    assert re.fullmatch(r"ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim-bookworm", IMAGE[1])
    assert {line.split()[1] for line in IMAGE if line.startswith("FROM ")} == {"${PYTHON_IMAGE}"}
    stage = _final_stage()
    assert [line for line in stage if line.startswith("USER ")] == ["USER 10001:10001"]
    assert any("useradd --uid 10001 " in line for line in stage)
    assert any(line.startswith("HEALTHCHECK ") and "/health" in line for line in stage)


def test_the_image_has_the_wheel_and_not_the_sources() -> None:
    assert not any("--editable" in line or " -e " in line for line in IMAGE)
    copied = [line for line in _final_stage() if line.startswith(("COPY ", "ADD "))]
    assert copied == ["COPY --from=build /opt/openhours /opt/openhours"]


def test_the_build_sees_all_that_the_wheel_is_made_of_and_nothing_else() -> None:
    lines = (TOP / ".dockerignore").read_text().splitlines()
    assert "**" in lines
    seen = {line[1:] for line in lines if line.startswith("!")}
    needed = {"requirements.txt", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md"}
    assert seen == needed | {"LICENSE", "alembic", "src"}
    # Whatever else lies at the top and could change the wheel.
    assert {file.name for file in TOP.glob("setup.*")} <= seen


def test_prometheus_has_a_key_of_its_own_where_its_configuration_reads_it() -> None:
    prometheus = SERVICES["prometheus"]
    assert prometheus["environment"] == {"OPENHOURS_METRICS_KEY": "${OPENHOURS_METRICS_KEY:-}"}
    (job,) = _yaml("deploy/prometheus/prometheus.yml")["scrape_configs"]
    (command,) = prometheus["command"]
    assert f'"$$OPENHOURS_METRICS_KEY" > {job["authorization"]["credentials_file"]} ' in command
    made = "openhours keys create --scope metrics --name prometheus"
    assert made in (TOP / "deploy/README.md").read_text()
    ((target,),) = (config["targets"] for config in job["static_configs"])
    assert target.partition(":")[0] in SERVICES


def test_grafana_finds_its_data_sources_and_the_dashboards() -> None:
    provisioning = "deploy/grafana/provisioning"
    sources = {
        source["uid"]: source
        for name in ("prometheus", "infinity")
        for source in _yaml(f"{provisioning}/datasources/{name}.yml")["datasources"]
    }
    used = set()
    for file in (TOP / "deploy/grafana/dashboards").iterdir():
        dashboard = json.loads(file.read_text())
        of_variables = dashboard.get("templating", {"list": []})["list"]
        for one in (*dashboard["panels"], *of_variables):
            assert one["datasource"]["type"] == sources[one["datasource"]["uid"]]["type"]
            used.add(one["datasource"]["uid"])
    assert used == set(sources)
    assert sources["prometheus"]["url"] == "http://prometheus:9090"
    infinity, environment = sources["infinity"], SERVICES["grafana"]["environment"]
    assert infinity["jsonData"]["allowedHosts"] == [infinity["url"]] == ["http://app:8000"]
    assert infinity["secureJsonData"]["bearerToken"] == "$OPENHOURS_GRAFANA_KEY"
    assert environment["OPENHOURS_GRAFANA_KEY"] == "${OPENHOURS_GRAFANA_KEY:-}"
    plugin, _, version = environment["GF_PLUGINS_PREINSTALL_SYNC"].partition("@")
    assert (plugin, bool(version)) == (infinity["type"], True)
    (provider,) = _yaml(f"{provisioning}/dashboards/openhours.yml")["providers"]
    mounted = SERVICES["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounted
    assert f"./{provisioning}:/etc/grafana/provisioning:ro" in mounted


def test_each_variable_that_compose_asks_for_is_documented() -> None:
    asked_for = set(re.findall(r"\$\{(\w+)", (TOP / "docker-compose.yml").read_text()))
    documented = (TOP / "deploy/README.md").read_text()
    assert all(name in documented for name in asked_for), asked_for
