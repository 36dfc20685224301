"""What `/docs` sends when someone presses Execute: each example of the description, as it is."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.service import Service

from tests.helpers.clients import bearer

# Tokens are shown once, so no description can hold a good one.
NEEDS_A_TOKEN_OF_ONES_OWN = "POST /api/v1/user/refresh"
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][0-9:.]+(?:Z| UTC)?)?")


def _examples(description: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """Yield route, content type, name and value of each example of a request."""
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                named = {name: one["value"] for name, one in media.get("examples", {}).items()}
                if "example" in media:
                    named[""] = media["example"]
                if kind in ("application/json", "text/csv"):
                    assert named, f"{method} {path} has no example"
                for name, value in named.items():
                    yield f"{method.upper()} {path}", kind, name, value


def test_every_example_of_a_request_can_be_sent(service: Service) -> None:
    client = service.client
    sent = set()
    for route, kind, name, value in _examples(client.get("/openapi.json").json()):
        content = value if isinstance(value, str) else json.dumps(value)
        for written in INSTANT.findall(content):
            age = datetime.now(UTC) - datetime.fromisoformat(written)
            assert timedelta() <= age < timedelta(hours=2), (route, content)
        method, path = route.split(" ", 1)
        values = {"username": "zoe", "session_id": 1, "store_id": "*", "date": "2026-12-25"}
        path = path.format(kind=name, **values)
        answer = client.request(method, path, content=content, headers={"Content-Type": kind})
        if route == NEEDS_A_TOKEN_OF_ONES_OWN:
            assert answer.status_code == 401
        else:
            assert answer.is_success, (route, content, answer.text)
        if "user" in (answer.json() if answer.content else {}) and path.endswith("/login"):
            client.headers.update(bearer(answer.json()["user"]["token"]))
        sent.add(route)
    assert {"POST /track", "POST /trigger_report", "POST /visit", "POST /api/event"} <= sent
    # A beat of now by nobody in particular, and nothing that reports would show for ever.
    events = client.get("/track/events").json()
    assert {event["pc"] for event in events} == {"default"}
    ingestions = client.get("/ingestions").json()
    states = [service.wait_ingestion(one["ingestion_id"])["state"] for one in ingestions]
    # To `/ingest/{kind}`, and all but labels, which their name tells, to `/ingest`.
    assert states == ["complete"] * (5 + 4)
    report = service.wait_report(service.trigger())
    assert [line.split(",")[0] for line in report.text.splitlines()] == ["store_id", "pc:default"]
