"""Who follows an ingestion sees its progress and its end; nobody polls."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.ingestion import api
from openhours.ingestion.queries import find_ingestion
from openhours.ingestion.tables import Ingestion
from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.database import fetch
from tests.helpers.waiting import wait_for
from tests.ingestion.loader import Loader

POLLS = b"store_id,timestamp_utc,status\n1,2023-01-22 12:09:39 UTC,active\n1,x,active\n"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ingestions that requests have looked for, each time."""
    seen: list[str] = []

    async def look(engine: AsyncEngine, ingestion_id: str) -> Ingestion:
        seen.append(ingestion_id)
        return await find_ingestion(engine, ingestion_id)

    monkeypatch.setattr(api, "find_ingestion", look)
    return seen


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a stream, each with its data."""
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(name[len("event: ") :], json.loads(data[len("data: ") :])) for name, data in blocks]


@pytest.mark.slow
def test_events_tell_that_it_runs_and_its_end(
    settings: Settings, loader: Loader, looks: list[str], database_url: str
) -> None:
    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        answer = client.post("/ingest/status", content=POLLS)
        place = answer.headers["location"]
        reading = pool.submit(client.get, f"{place}/events")
        wait_for(lambda: len(looks) == 2)
        [(pk,)] = fetch(database_url, "SELECT id FROM ingestions")
        assert isinstance(pk, int)
        loader.run(pk)
        told = events_of(reading.result(30).text)
        # A look has a reason: the request, that the server listens now, begin, and end.
        assert len(looks) <= 5
        again = client.get(f"{place}/events")
        last = client.get(place).json()
        assert client.get("/ingestions/none/events").status_code == 404
    assert again.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [(name, data["state"]) for name, data in (told[0], told[-1])] == [
        ("progress", "queued"), ("end", "complete"),
    ]  # fmt: skip
    assert (last["loaded"], last["rejected"]) == (1, 1)
    del last["deliveries"]
    assert events_of(again.text) == [("end", last)] == told[-1:]


def test_who_follows_one_that_is_cancelled_is_woken(settings: Settings, looks: list[str]) -> None:
    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        answer = client.post("/ingest/status", content=POLLS)
        ingestion_id = answer.json()["ingestion_id"]
        reading = pool.submit(client.get, f"/ingestions/{ingestion_id}/events")
        wait_for(lambda: len(looks) == 2)
        assert client.delete(f"/ingestions/{ingestion_id}").status_code == 204
        told = events_of(reading.result(10).text)
    assert told[-1][0] == "end"
    assert told[-1][1]["error"].startswith("cancelled by ")
