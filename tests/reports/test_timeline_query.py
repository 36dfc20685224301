"""A time line is found by T or by a report, in one snapshot."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.errors import Conflict, Invalid, NotFound
from openhours.reports.tables import Report
from openhours.reports.timeline import HoursRow
from openhours.reports.timeline_query import Answer, timeline_of
from openhours.reports.trigger import trigger
from openhours.settings import Settings
from openhours.stores.tables import EVERY_STORE, BusinessHours, FeedClock, SpecialHours, Store
from openhours.times import DAY, HOUR, to_days, to_us
from openhours.uptime.dates import CLOSED
from tests.helpers.database import on_engine
from tests.helpers.seed import week_of_polls

NEWEST = datetime(2023, 1, 17, tzinfo=UTC)


async def seed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for statement in week_of_polls(2, 24, "1 hour", "n <> 12"):
            await connection.exec_driver_sql(statement)
        await connection.execute(insert(FeedClock).values(feed="polled", newest_at=NEWEST))
        await connection.execute(insert(Store).values(store_id="hours-only", timezone="Asia/Tokyo"))
        for day, opens in ((0, 9 * HOUR), (1, 9 * HOUR), (0, 8 * HOUR)):
            await connection.execute(
                insert(BusinessHours).values(store=3, day=day, opens=opens, closes=17 * HOUR)
            )


async def find(
    engine: AsyncEngine,
    settings: Settings,
    store_id: str,
    as_of: datetime | None = None,
    report_id: str | None = None,
) -> Answer:
    return await timeline_of(engine, settings, store_id, as_of, report_id)


def test_without_t_a_polled_store_looks_back_from_the_newest_poll(
    settings: Settings, database_url: str
) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await seed(engine)
        answer = await find(engine, settings, "store-1")
        line = answer.timeline
        assert (answer.report, answer.changed_since) == (None, None)
        assert (line.as_of, line.known) == (to_us(NEWEST), True)
        assert (line.zone, line.zone_is_default) == (settings.default_timezone, True)
        assert line.since == line.as_of - 14 * DAY
        assert len(line.observations.at) == 24
        assert line.figures is not None
        assert line.figures.up[1, 0] == 23 * HOUR, "an hour around the poll of 12:00 was down"

    on_engine(database_url, scenario)


def test_polls_after_t_do_not_count(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await seed(engine)
        early = datetime(2023, 1, 16, 6, tzinfo=UTC)
        line = (await find(engine, settings, "store-1", as_of=early)).timeline
        assert line.observations.at.max() == to_us(early)
        before = datetime(2023, 1, 15, tzinfo=UTC)
        line = (await find(engine, settings, "store-1", as_of=before)).timeline
        assert (line.known, line.figures, list(line.pieces)) == (False, None, [])

    on_engine(database_url, scenario)


def test_a_store_known_from_its_hours_alone_has_its_hours_in_order(
    settings: Settings, database_url: str
) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await seed(engine)
        line = (await find(engine, settings, "hours-only", as_of=NEWEST)).timeline
        assert (line.feed, line.known, list(line.pieces)) == (None, False, [])
        assert (line.zone, line.zone_is_default) == ("Asia/Tokyo", False)
        assert line.hours == [
            HoursRow(0, 8 * HOUR, 17 * HOUR),
            HoursRow(0, 9 * HOUR, 17 * HOUR),
            HoursRow(1, 9 * HOUR, 17 * HOUR),
        ]
        monday_10 = to_us(datetime(2023, 1, 16, 1, tzinfo=UTC))
        assert line.hours_at(monday_10) == list(line.hours[:2])
        assert line.opening_at(monday_10) == (monday_10 - 2 * HOUR, monday_10 + 7 * HOUR)

    on_engine(database_url, scenario)


def test_hours_are_those_of_the_version_and_the_special_date(
    settings: Settings, database_url: str
) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await seed(engine)
        monday = date(2023, 1, 16)
        async with engine.begin() as connection:
            await connection.execute(
                insert(BusinessHours).values(
                    store=1, day=0, opens=9 * HOUR, closes=17 * HOUR, valid_from=monday
                )
            )
            await connection.execute(
                insert(SpecialHours).values(
                    [
                        {"store": EVERY_STORE, "date": monday, "opens": HOUR, "closes": 2 * HOUR},
                        {"store": 2, "date": monday, "opens": CLOSED, "closes": CLOSED},
                    ]
                )
            )
        line = (await find(engine, settings, "store-1")).timeline
        assert line.hours == [HoursRow(0, 9 * HOUR, 17 * HOUR, to_days(monday))]
        of_monday = [HoursRow(0, HOUR, 2 * HOUR, date=to_days(monday), every=True)]
        one_oclock = to_us(datetime(2023, 1, 16, 7, tzinfo=UTC))  # in Chicago
        assert line.hours_at(one_oclock) == of_monday
        assert line.figures is not None
        assert line.figures.open[1, 0] == HOUR
        closed = (await find(engine, settings, "store-2")).timeline
        assert closed.opening_at(one_oclock) is None

    on_engine(database_url, scenario)


def test_what_cannot_be_answered_is_an_error(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await seed(engine)
        async with engine.begin() as connection:
            report_id = await trigger(connection, settings, store_ids=["store-2"])
        with pytest.raises(NotFound, match="no store has this id"):
            await find(engine, settings, "nobody")
        with pytest.raises(NotFound, match="no report has this id"):
            await find(engine, settings, "store-1", report_id="nothing")
        with pytest.raises(Conflict, match="the report is queued"):
            await find(engine, settings, "store-1", report_id=report_id)
        with pytest.raises(Invalid, match="not both"):
            await find(engine, settings, "store-1", as_of=NEWEST, report_id=report_id)
        async with engine.begin() as connection:
            await connection.execute(update(Report).values(state="complete"))
        with pytest.raises(NotFound, match="does not cover this store"):
            await find(engine, settings, "store-1", report_id=report_id)
        # Complete, but without the row that the store should have by now.
        changed = await find(engine, settings, "store-2", report_id=report_id)
        assert changed.changed_since is True

    on_engine(database_url, scenario)
