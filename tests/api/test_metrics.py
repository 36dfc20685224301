"""`/metrics` of a real server: requests, what workers did, and a database that is away."""

import asyncio

import asyncpg
from prometheus_client.parser import text_string_to_metric_families
from tools.service import Service

STATUS = b"""store_id,timestamp_utc,status
1,2023-01-22 12:09:39.388884 UTC,active
1,2023-01-22 13:09:39.388884 UTC,inactive
8.13992E+018,2023-01-22 12:09:39 UTC,active
2,yesterday,active
3,2023-01-22 12:09:39 UTC,active,
"""

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _scrape(service: Service) -> Samples:
    answer = service.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_tell_what_happened(service: Service, database_url: str) -> None:
    client = service.client
    service.upload("status", STATUS)
    service.upload("status", STATUS)
    report_id = service.trigger()
    service.wait_report(report_id)
    event = {"user_id": 6, "event_action_timestamp": "2025-10-10T18:30:00Z", "action": "viewed"}
    assert client.post("/api/event", json=event).status_code == 201
    assert client.post("/api/event", json={}).status_code == 422
    client.get("/api/events", params={"user_id": 6})
    client.post("/visit", json={"user_id": "secret-user", "page_url": "/secret"})
    client.get("/no/such/page")
    client.request("PROPFIND", "/visit")
    for unusual in ("PROPFIND", "MKCOL"):
        client.request(unusual, "/api/event")

    samples = _scrape(service)

    def value(name: str, **labels: str) -> float:
        return samples[name, tuple(sorted(labels.items()))]

    def activity_of(which: str) -> dict[tuple[str, str, str], float]:
        found = {}
        for (name, labels), count in samples.items():
            if name == f"user_activity_tracking_api_requests_{which}":
                by = dict(labels)
                assert set(by) == {"method", "path", "status"}
                found[by["method"], by["path"], by["status"]] = count
        return found

    def requests(method: str, route: str, status: int) -> float:
        name = "openhours_http_request_duration_seconds_count"
        return value(name, method=method, route=route, status=str(status))

    assert activity_of("total") == {
        ("POST", "/api/event", "201"): 1,
        ("POST", "/api/event", "422"): 1,
        ("GET", "/api/events", "200"): 1,
        ("other", "/api/event", "405"): 2,
    }
    assert activity_of("errors_total") == {
        ("POST", "/api/event", "422"): 1,
        ("other", "/api/event", "405"): 2,
    }
    assert requests("POST", "/api/event", 201) == 1
    assert requests("POST", "/api/event", 422) == 1
    assert requests("POST", "/ingest/{kind}", 202) == 2
    assert requests("GET", "unmatched", 404) == 1
    assert requests("other", "/visit", 405) == 1
    assert value("openhours_database_up") == 1
    assert value("openhours_workers") == 1
    assert value("openhours_queue_depth", job="report") == 0
    rows = "openhours_ingested_rows_total"
    assert value(rows, kind="status", outcome="loaded") == 2
    assert value(rows, kind="status", outcome="unchanged") == 2
    assert value(rows, kind="status", outcome="rejected") == 6
    rejected = "openhours_rejected_rows_total"
    for reason in ("mangled_store_id", "bad_timestamp", "wrong_column_count"):
        assert value(rejected, reason=reason) == 2
    assert value("openhours_reports_total", state="complete") == 1
    assert value("openhours_report_duration_seconds_count") == 1
    assert value("openhours_report_duration_seconds_bucket", le="+Inf") == 1
    assert value("openhours_report_duration_seconds_sum") > 0
    assert value("openhours_newest_observation_age_seconds", feed="polled") > 86_400
    assert value("openhours_visits_total", by="bots") == 1  # httpx is one
    tries = "openhours_delivery_tries_total"
    assert value(tries, channel="webhook", outcome="delivered") == 0
    for secret in ("secret", report_id, "/1"):
        assert not any(secret in text.lower() for _, labels in samples for _, text in labels)

    # Without its database, a server still answers.
    asyncio.run(_shut(database_url))
    asyncio.run(asyncio.sleep(2.1))
    assert client.get("/health").status_code == 503
    samples = _scrape(service)
    assert value("openhours_database_up") == 0
    assert sum(activity_of("total").values()) == 5


async def _shut(database_url: str) -> None:
    """Let no one into the database any more, and end all who are in it."""
    name = database_url.partition("/test_")[2].partition("?")[0]
    connection = await asyncpg.connect(database_url.replace(f"/test_{name}", "/postgres"))
    await connection.execute(f"ALTER DATABASE test_{name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", f"test_{name}"
    )
    await connection.close()
