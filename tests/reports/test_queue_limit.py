"""So many reports may wait for a worker, and no more."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from openhours.reports import trigger
from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.database import fetch


def test_the_next_report_is_refused_while_a_hundred_wait(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trigger.MAX_WAITING == 100
    monkeypatch.setattr(trigger, "MAX_WAITING", 5)
    waiting = "SELECT count(*) FROM reports WHERE state = 'queued'"
    with running(settings) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/trigger_report"), range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 3
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert int(refused.headers["retry-after"]) > 0
        assert fetch(database_url, waiting) == [(5,)]
        fetch(
            database_url,
            "UPDATE reports SET state = 'running' WHERE id = (SELECT min(id) FROM reports)",
        )
        assert client.post("/trigger_report").status_code == 200
        assert client.post("/trigger_report").status_code == 429
