"""Metrics of PCs."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openhours.settings import Settings
from openhours.times import iso, now
from tests.helpers.clients import running


@pytest.mark.slow
def test_a_pc_is_on_until_its_heartbeat_expires(settings: Settings) -> None:
    with running(settings.model_copy(update={"heartbeat_expiry_seconds": 60})) as client:
        for pc, silent in (("a", 0), ("b", 30), ("c", 61), ("c", 90), ("d", 600)):
            beat = {"pc": pc, "event_time": iso(now() - timedelta(seconds=silent))}
            assert client.post("/track", json=beat).status_code == 201
        text = client.get("/metrics").text
    [pcs] = [one for one in text_string_to_metric_families(text) if one.name == "openhours_pcs"]
    assert {one.labels["state"]: one.value for one in pcs.samples} == {"on": 2, "off": 2}
