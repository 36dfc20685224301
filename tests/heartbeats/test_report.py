"""Joe's PC in a report: heartbeats over HTTP in, exact figures out."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tools.service import Service

from openhours.db.engine import make_engine
from openhours.settings import Settings
from openhours.stores.hours import parse_week, set_hours, set_timezone
from openhours.times import iso

pytestmark = pytest.mark.slow

# Noon in Berlin, a Wednesday.
T = datetime(2024, 3, 6, 11, tzinfo=UTC)
MONDAY_0850 = datetime(2024, 3, 4, 7, 50, tzinfo=UTC)
TUESDAY_1000 = datetime(2024, 3, 5, 9, tzinfo=UTC)
WEDNESDAY_1130 = datetime(2024, 3, 6, 10, 30, tzinfo=UTC)


def beats(start: datetime, minutes: int) -> list[datetime]:
    """A beat a minute, the first and the last included."""
    return [start + timedelta(minutes=n) for n in range(minutes + 1)]


def figures_of(report: str) -> dict[str, list[float]]:
    _, *rows = csv.reader(io.StringIO(report))
    return {row[0]: [float(figure) for figure in row[1:]] for row in rows}


async def give_hours(url: str) -> None:
    engine = make_engine(url)
    await set_hours(engine, "pc:joe", parse_week(["mon-fri", "09:00-17:00"]))
    await set_timezone(engine, "pc:joe", "Europe/Berlin")
    await engine.dispose()


def test_a_pc_is_one_more_store_in_the_report(
    settings: Settings, database_url: str, place: Path
) -> None:
    asyncio.run(give_hours(database_url))
    with Service(place) as service:
        on = [*beats(MONDAY_0850, 15), *beats(TUESDAY_1000, 30), *beats(WEDNESDAY_1130, 35)]
        body = [
            {"pc": "joe", "event_time": iso(at), "beat_id": f"beat {n}"} for n, at in enumerate(on)
        ]
        service.client.post("/track/batch", json=body).raise_for_status()
        service.client.post("/track", json={"event_time": iso(T)}).raise_for_status()
        service.client.post("/track", json={"pc": "new"}).raise_for_status()
        polls = b"store_id,timestamp_utc,status\n8139,2024-03-06 10:30:00 UTC,active\n"
        assert service.upload("status", polls)["loaded"] == 1
        # As of now: a year and more later nothing beats, and the newest PC is on.
        report = service.wait_report(service.trigger(as_of=iso(T))).text
        latest = service.wait_report(service.trigger()).text
    figures = figures_of(report)
    assert list(figures) == ["8139", "pc:default", "pc:joe"], "pc:new is younger than T"
    assert figures["8139"] == [60, 24, 168, 0, 0, 0]
    assert figures["pc:default"] == [0] * 6, "on from T on"
    # Open while Joe is away, 9 to 17. Monday: on until 09:05, expired at 09:07:30. Tuesday: 32.5
    # minutes. Wednesday: half an hour until T. What was before the first beat does not count.
    up_week = (7.5 + 32.5 + 30) / 60
    assert figures["pc:joe"] == [30, 0.5, round(up_week, 2), 30, 7.5, round(19 - up_week, 2)]
    figures = {name: row for name, row in figures_of(latest).items() if name != "8139"}
    assert list(figures) == ["pc:default", "pc:joe", "pc:new"]
    assert figures["pc:default"] == [0, 0, 0, 60, 24, 168]
    assert 0 <= figures["pc:new"][0] < 1
    assert figures["pc:new"][3] == 0
