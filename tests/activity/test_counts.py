"""The counts of ended periods: once, complete, and without any event that comes too late."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tools.service import Service

from openhours.activity.counts import count_ended_periods
from openhours.activity.queries import latest_periods
from openhours.activity.tables import EVENTS
from openhours.activity.write import EventRow, write_events
from openhours.db.engine import raw_connection
from openhours.settings import Settings
from tests.helpers.database import make_weeks, on_engine

HOURS = timedelta(hours=1)
FOUR = "0 */4 * * *"
EVERY_SECOND_OF_SIX = "* * * * * *"

Counts = list[tuple[int, datetime, datetime, int]]


def _event(user_id: int) -> EventRow:
    return EventRow(user_id, datetime(2025, 10, 10, tzinfo=UTC), "viewed", "{}", None)


async def _record_at(engine: AsyncEngine, recorded_at: datetime, *user_ids: int) -> None:
    """Events as if they had been recorded then."""
    await write_events(engine, [_event(user_id) for user_id in user_ids])
    async with engine.connect() as connection:
        await make_weeks(await raw_connection(connection), EVENTS, recorded_at, recorded_at)
    async with engine.begin() as connection:
        newest = "(SELECT max(recorded_at) FROM activity_events WHERE recorded_at > :fresh)"
        await connection.execute(
            text(f"UPDATE activity_events SET recorded_at = :at WHERE recorded_at = {newest}"),
            {"at": recorded_at, "fresh": datetime.now(UTC) - timedelta(minutes=1)},
        )


async def _counts(engine: AsyncEngine) -> Counts:
    async with engine.connect() as connection:
        query = text(
            "SELECT user_id, period_start, period_end, event_count FROM activity_counts"
            " ORDER BY period_start, user_id"
        )
        return [tuple(row) for row in await connection.execute(query)]


def test_each_period_is_counted_once(database_url: str) -> None:
    """Missed periods are caught up, by several workers at once, and never twice."""

    async def scenario(engine: AsyncEngine) -> None:
        day = datetime(2026, 1, 5, tzinfo=UTC)
        await _record_at(engine, day, 1)  # the start of a period belongs to it
        await _record_at(engine, day + 4 * HOURS - timedelta(microseconds=1), 1, 2)
        await _record_at(engine, day + 4 * HOURS, 2)
        await _record_at(engine, day + 3 * 24 * HOURS + 9 * HOURS, 3, 3, 3)
        await write_events(engine, [_event(4)])  # its period has not ended
        expected = [
            (1, day, day + 4 * HOURS, 2),
            (2, day, day + 4 * HOURS, 1),
            (2, day + 4 * HOURS, day + 8 * HOURS, 1),
            (3, day + 80 * HOURS, day + 84 * HOURS, 3),
        ]
        counted = await asyncio.gather(*(count_ended_periods(engine, FOUR) for _ in range(4)))
        assert sum(counted) == 3
        assert await _counts(engine) == expected
        async with engine.connect() as connection:
            of_all = await latest_periods(connection, None, 2)
            of_one = await latest_periods(connection, 1, 2)
        assert [tuple(row) for row in of_all] == [
            (day + 4 * HOURS, day + 8 * HOURS, 1),
            (day + 80 * HOURS, day + 84 * HOURS, 3),
        ]
        assert [tuple(row) for row in of_one] == [(day, day + 4 * HOURS, 2)]
        assert await count_ended_periods(engine, FOUR) == 0
        assert await _counts(engine) == expected

    on_engine(database_url, scenario)


def test_another_cron_leaves_no_gap_and_no_overlap(database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        day = datetime(2026, 1, 5, tzinfo=UTC)
        await _record_at(engine, day + 3 * HOURS, 1)
        assert await count_ended_periods(engine, FOUR) == 1
        await _record_at(engine, day + 5 * HOURS, 1, 1)
        assert await count_ended_periods(engine, "0 0 * * *") == 1
        assert await _counts(engine) == [
            (1, day, day + 4 * HOURS, 1),
            (1, day + 4 * HOURS, day + 24 * HOURS, 2),
        ]

    on_engine(database_url, scenario)


@asynccontextmanager
async def _open_writer(engine: AsyncEngine, user_id: int) -> AsyncIterator[datetime]:
    """A group that is written but not committed until the block ends; when it was recorded."""
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        present = datetime.now(UTC)
        await make_weeks(raw, EVENTS, present, present + HOURS)
        async with raw.transaction():
            # The same connection is lent to the code that writes groups.
            (at,) = await write_events(_Lent(connection), [_event(user_id)])  # type: ignore[arg-type]
            assert at is not None
            yield at


class _Lent:
    """Stands where an engine is expected and gives one connection, in its transaction."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[object]:
        yield self._connection


@pytest.mark.slow
def test_a_period_waits_for_writers_that_began_in_it(database_url: str) -> None:
    """A writer's transaction stays open across the boundary: its event is in the right count."""

    async def scenario(engine: AsyncEngine) -> None:
        await asyncio.sleep(1 - datetime.now(UTC).microsecond / 1e6 + 0.1)
        async with _open_writer(engine, 1) as recorded:
            began = recorded.replace(microsecond=0)
            await asyncio.sleep(1.5)  # the boundary passes
            late = asyncio.create_task(write_events(engine, [_event(2)]))
            counting = asyncio.create_task(count_ended_periods(engine, EVERY_SECOND_OF_SIX))
            await asyncio.sleep(0.5)
            assert not counting.done()
            assert not late.done()
        await counting
        (recorded_late,) = await late
        assert recorded_late is not None
        assert recorded_late > began + timedelta(seconds=1.5)
        assert (await _counts(engine))[0] == (1, began, began + timedelta(seconds=1), 1)

    on_engine(database_url, scenario)


@pytest.mark.slow
def test_nothing_is_ever_recorded_in_a_counted_period(database_url: str) -> None:
    """Writers and counters at full speed over boundaries: the counts are what the table says."""

    async def scenario(engine: AsyncEngine) -> None:
        end = asyncio.get_running_loop().time() + 4

        async def write(user_id: int) -> None:
            while asyncio.get_running_loop().time() < end:
                await write_events(engine, [_event(user_id)] * 3)

        async def count() -> None:
            while asyncio.get_running_loop().time() < end:
                await count_ended_periods(engine, EVERY_SECOND_OF_SIX)

        await asyncio.gather(write(1), write(2), count(), count())
        await asyncio.sleep(1)
        await count_ended_periods(engine, EVERY_SECOND_OF_SIX)
        async with engine.connect() as connection:
            query = text(
                "SELECT user_id, date_trunc('second', recorded_at) AS start,"
                " date_trunc('second', recorded_at) + interval '1 second', count(*)"
                " FROM activity_events GROUP BY 1, 2 ORDER BY 2, 1"
            )
            truth = [tuple(row) for row in await connection.execute(query)]
        assert await _counts(engine) == truth

    on_engine(database_url, scenario)


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_a_worker_catches_up_and_the_counts_are_listed(place: Path, database_url: str) -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC)

    async def scenario(engine: AsyncEngine) -> None:
        await _record_at(engine, day + HOURS, 6, 6, 7)
        await _record_at(engine, day + 5 * HOURS, 6)

    on_engine(database_url, scenario)
    with Service(place) as service:
        found: list[dict[str, object]] = []
        for _ in range(200):
            found = service.client.get("/api/events/counts").json()
            if len(found) == 3:
                break
            time.sleep(0.1)
        first = {
            "period_start": "2026-01-05T00:00:00.000000Z",
            "period_end": "2026-01-05T04:00:00.000000Z",
        }
        second = {
            "period_start": "2026-01-05T04:00:00.000000Z",
            "period_end": "2026-01-05T08:00:00.000000Z",
        }
        six = [
            {"user_id": 6, **first, "event_count": 2},
            {"user_id": 6, **second, "event_count": 1},
        ]
        seven = {"user_id": 7, **first, "event_count": 1}
        assert found == [six[0], seven, six[1]]
        get = service.client.get
        assert get("/api/events/counts?user_id=6").json() == six
        assert get("/api/events/counts?from=2026-01-05T04:00:00Z").json() == [six[1]]
        assert get("/api/events/counts?to=2026-01-05T04:00:00Z").json() == [six[0], seven]
        page = get("/api/events/counts?limit=2")
        assert page.json() == [six[0], seven]
        assert get(page.links["next"]["url"]).json() == [six[1]]


def test_a_bad_cron_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for expression in ("", "x", "0 0 30 2 *", "61 * * * *"):
        monkeypatch.setenv("OPENHOURS_ACTIVITY_CRON", expression)
        with pytest.raises(ValueError, match="cron"):
            Settings()
