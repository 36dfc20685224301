"""A trigger that is sent again with its Idempotency-Key is the same report."""

from concurrent.futures import ThreadPoolExecutor

from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.database import fetch

KEY = {"Idempotency-Key": "night 2026-01-01"}
COUNT = "SELECT count(*) FROM reports"


def test_the_same_key_is_the_same_report(settings: Settings, database_url: str) -> None:
    with running(settings) as client, ThreadPoolExecutor(8) as pool:
        ids = {
            answer.json()["report_id"]
            for answer in pool.map(lambda _: client.post("/trigger_report", headers=KEY), range(8))
        }
        assert len(ids) == 1
        empty = client.post("/trigger_report", headers=KEY, json={})
        assert {empty.json()["report_id"]} == ids, "no body is one without options"
        other = client.post("/trigger_report", headers={"Idempotency-Key": "another"})
        assert {other.json()["report_id"]} != ids
    assert fetch(database_url, COUNT) == [(2,)]
    assert fetch(database_url, "SELECT count(*) FROM pgqueuer") == [(2,)]


def test_a_key_with_another_request_is_refused(settings: Settings) -> None:
    with running(settings) as client:
        assert client.post("/trigger_report", headers=KEY).status_code == 200
        answer = client.post("/trigger_report", headers=KEY, json={"interpolation": "previous"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == ["header", "Idempotency-Key"]
        bad = client.post("/trigger_report", headers={"Idempotency-Key": "x" * 256})
        assert bad.status_code == 422


def test_keys_of_one_caller_are_not_those_of_another(settings: Settings) -> None:
    ann, bob = make_keys(settings, [["report"], ["admin"]])
    with running(settings) as client:
        ids = {
            client.post("/trigger_report", headers=KEY | bearer(key)).json()["report_id"]
            for key in (ann, bob, ann)
        }
    assert len(ids) == 2


def test_a_key_may_be_used_again_after_a_day(settings: Settings, database_url: str) -> None:
    with running(settings) as client:
        first = client.post("/trigger_report", headers=KEY).json()["report_id"]
        fetch(database_url, "UPDATE reports SET created_at = created_at - interval '25 hours'")
        second = client.post("/trigger_report", headers=KEY).json()["report_id"]
        third = client.post("/trigger_report", headers=KEY).json()["report_id"]
    assert first != second == third
