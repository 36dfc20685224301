"""Business hours as a person writes them."""

import asyncio
from datetime import date

import pytest

from openhours.db.engine import make_engine
from openhours.errors import Invalid, NotFound
from openhours.stores.hours import (
    ALWAYS_VALID,
    Row,
    StoreHours,
    Version,
    hours_of,
    parse_week,
    remove_hours,
    set_hours,
    set_timezone,
    version_on,
    written,
)
from openhours.uptime.dates import CLOSED

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "rows", "shown"),
    [
        ("Always", [Row(day, 0, 24 * HOUR) for day in range(7)], "always"),
        ("daily 0:00-24:00", [Row(day, 0, 24 * HOUR) for day in range(7)], "always"),
        ("closed", [Row(day, CLOSED, CLOSED) for day in range(7)], "closed"),
        (
            "mon-wed 9:00-17:30",
            [Row(day, 9 * HOUR, 17 * HOUR + HOUR // 2) for day in range(3)],
            "mon-wed 09:00-17:30",
        ),
        (
            "SUN 22:00-06:00 fri,mon 00:00-24:00",
            [Row(0, 0, 24 * HOUR), Row(4, 0, 24 * HOUR), Row(6, 22 * HOUR, 6 * HOUR)],
            "mon 00:00-24:00  fri 00:00-24:00  sun 22:00-06:00",
        ),
        (
            "sat-mon 13:00-17:00 8:00-12:00 8:00-12:00",
            [
                Row(day, *hours)
                for day in (0, 5, 6)
                for hours in ((8 * HOUR, 12 * HOUR), (13 * HOUR, 17 * HOUR))
            ],
            "mon 08:00-12:00 13:00-17:00  sat-sun 08:00-12:00 13:00-17:00",
        ),
        (
            "daily 0:00:00.5-23:59:59",
            [Row(day, 500_000, 24 * HOUR - 1_000_000) for day in range(7)],
            "mon-sun 00:00:00.5-23:59:59",
        ),
    ],
)
def test_weeks_are_read_and_written(text: str, rows: list[Row], shown: str) -> None:
    assert parse_week(text.split()) == rows
    assert written(rows) == shown
    assert parse_week(shown.split()) == rows


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "mon tue 9:00-10:00",
        "9:00-10:00",
        "mon 9:00-10:00 tue",
        "mon 9:00",
        "mon 9-10",
        "mon 9:60-10:00",
        "mon 24:00-10:00",
        "mon 9:00-24:01",
        "mon 9:00-10:00 always",
        "mon closed",
        "monday 9:00-10:00",
        "mon-daily 9:00-10:00",
        "mon, 9:00-10:00",
    ],
)
def test_what_is_not_understood_changes_nothing(text: str) -> None:
    with pytest.raises(Invalid):
        parse_week(text.split())


def test_closed_days_are_not_named_and_no_hours_at_all_are_always() -> None:
    """As files may have them."""
    closed = [Row(day, CLOSED, CLOSED) for day in (1, 3)]
    assert written([Row(0, 9 * HOUR, 17 * HOUR), *closed]) == "mon 09:00-17:00"
    assert written(closed) == "closed"
    assert written([]) == "always"


def test_hours_and_zone_are_those_that_were_set_last(database_url: str) -> None:
    async def test() -> None:
        engine = make_engine(database_url)
        assert await hours_of(engine, "pc:joe") is None
        weeks = [parse_week(f"mon {hour}:00-20:00 tue 1:00-2:00".split()) for hour in range(10)]
        # All at once, for a store that nobody knows: one of them is the last.
        await asyncio.gather(*(set_hours(engine, "pc:joe", rows) for rows in weeks))
        known = await hours_of(engine, "pc:joe")
        assert known is not None
        assert [version.rows in weeks for version in known.versions] == [True]
        await set_timezone(engine, "pc:joe", "Asia/Kathmandu")
        await remove_hours(engine, "pc:joe", ALWAYS_VALID)
        assert await hours_of(engine, "pc:joe") == StoreHours("pc:joe", "Asia/Kathmandu", [])
        for store_id in ("", "x" * 65, "8.1E+18", "a\0b"):
            for work in (
                set_hours(engine, store_id, weeks[0]),
                remove_hours(engine, store_id, ALWAYS_VALID),
            ):
                with pytest.raises(Invalid):
                    await work
        with pytest.raises(Invalid):
            await set_timezone(engine, "pc:joe", "Bielefeld")
        await engine.dispose()

    asyncio.run(test())


def test_versions_are_set_and_removed_one_by_one(database_url: str) -> None:
    async def test() -> None:
        engine = make_engine(database_url)

        async def versions() -> list[tuple[str, str]]:
            known = await hours_of(engine, "a")
            assert known is not None
            return [(str(since), written(rows)) for since, rows in known.versions]

        summer, winter = date(2024, 4, 1), date(2024, 10, 1)
        await set_hours(engine, "a", parse_week(["daily", "9:00-20:00"]), summer)
        await set_hours(engine, "a", parse_week(["closed"]), winter)
        await set_hours(engine, "a", parse_week(["always"]))
        always = (str(ALWAYS_VALID), "always")
        closed = (str(winter), "closed")
        assert await versions() == [always, (str(summer), "mon-sun 09:00-20:00"), closed]
        await set_hours(engine, "a", parse_week(["sun", "9:00-10:00"]), summer)
        assert await versions() == [always, (str(summer), "sun 09:00-10:00"), closed]
        await remove_hours(engine, "a", summer)
        await remove_hours(engine, "a", ALWAYS_VALID)
        assert await versions() == [closed]
        with pytest.raises(NotFound, match="store 'a' has no hours that begin on 2024-04-01"):
            await remove_hours(engine, "a", summer)
        with pytest.raises(NotFound, match="store 'a' has no hours that have always been valid"):
            await remove_hours(engine, "a", ALWAYS_VALID)
        await engine.dispose()

    asyncio.run(test())


def test_the_version_that_is_valid_on_a_day_is_the_last_that_has_begun() -> None:
    first, second = (Version(date(2024, month, 1), [Row(month, 0, HOUR)]) for month in (1, 2))
    for day, version in (
        (date(2023, 12, 31), first),
        (date(2024, 1, 31), first),
        (date(2024, 2, 1), second),
    ):
        assert version_on([first, second], day) == version
    assert version_on([], date(2024, 1, 1)) == Version(ALWAYS_VALID, [])
