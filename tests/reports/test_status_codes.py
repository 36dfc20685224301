"""200 while a report runs, and 202 for who prefers it. Without a worker none is ever complete."""

from openhours.settings import Settings
from tests.helpers.clients import running


def test_who_prefers_to_respond_async_gets_202_and_all_others_200(settings: Settings) -> None:
    prefer = {"Prefer": "return=minimal, Respond-Async; x=y"}
    with running(settings) as client:
        plain, asynchronous = (
            client.post("/trigger_report"),
            client.post("/trigger_report", headers=prefer),
        )
        assert (plain.status_code, asynchronous.status_code) == (200, 202)
        assert "preference-applied" not in plain.headers
        assert asynchronous.headers["preference-applied"] == "respond-async"
        for triggered in (plain, asynchronous):
            assert set(triggered.json()) == {"report_id"}
            url = f"/get_report/{triggered.json()['report_id']}"
            assert triggered.headers["location"] == url
            polled, polled_async = client.get(url), client.get(url, headers=prefer)
            assert (polled.status_code, polled_async.status_code) == (200, 202)
            assert "preference-applied" not in polled.headers
            assert polled_async.headers["preference-applied"] == "respond-async"
            for answer in (polled, polled_async):
                assert answer.headers["x-report-status"] == "Running"
                assert answer.headers["retry-after"] == "1"
                assert answer.headers["cache-control"] == "no-store"
                assert answer.headers["vary"] == "Prefer"
                assert answer.json() == {
                    "report_id": triggered.json()["report_id"],
                    "status": "Running",
                    "progress": 0,
                }
