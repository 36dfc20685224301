"""Business hours as a person writes them."""

import asyncio
import sys

import pytest

from openhours.db.engine import make_engine
from openhours.errors import Invalid
from openhours.settings import Settings
from openhours.stores.hours import (
    Row,
    StoreHours,
    hours_of,
    parse_week,
    set_hours,
    set_timezone,
    written,
)

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "rows", "shown"),
    [
        ("always", [], "always"),
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
        "monday 9:00-10:00",
        "mon-daily 9:00-10:00",
        "mon, 9:00-10:00",
    ],
)
def test_what_is_not_understood_changes_nothing(text: str) -> None:
    with pytest.raises(Invalid):
        parse_week(text.split())


def test_hours_and_zone_are_those_that_were_set_last(database_url: str) -> None:
    async def test() -> None:
        engine = make_engine(database_url)
        assert await hours_of(engine, "pc:joe") is None
        weeks = [parse_week(f"mon {hour}:00-20:00 tue 1:00-2:00".split()) for hour in range(10)]
        # All at once, for a store that nobody knows: one of them is the last.
        await asyncio.gather(*(set_hours(engine, "pc:joe", rows) for rows in weeks))
        known = await hours_of(engine, "pc:joe")
        assert known is not None
        assert known.rows in weeks
        await set_timezone(engine, "pc:joe", "Asia/Kathmandu")
        await set_hours(engine, "pc:joe", [])
        assert await hours_of(engine, "pc:joe") == StoreHours("pc:joe", "Asia/Kathmandu", [])
        for store_id in ("", "x" * 65, "8.1E+18", "a\0b"):
            with pytest.raises(Invalid):
                await set_hours(engine, store_id, [])
        with pytest.raises(Invalid):
            await set_timezone(engine, "pc:joe", "Bielefeld")
        await engine.dispose()

    asyncio.run(test())


@pytest.mark.slow
def test_the_command(settings: Settings) -> None:
    async def run(*arguments: str) -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "openhours.cli",
            "hours",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate()
        return process.returncode, out.decode(), error.decode()

    async def test() -> None:
        week = ["mon-fri", "09:00-17:30", "sat", "22:00-6:00"]
        set_, zone, show = await asyncio.gather(
            run("set", "pc:joe", *week),
            run("zone", "pc:joe", "Europe/Berlin"),
            run("show", "nobody"),
        )
        assert (set_[0], zone[0], show[0]) == (0, 0, 2), (set_, zone, show)
        assert set_[1].startswith("pc:joe: mon-fri 09:00-17:30  sat 22:00-06:00, ")
        assert zone[1].endswith(", Europe/Berlin\n")
        assert "there is no store 'nobody'" in show[2]
        assert settings.database_url is not None
        engine = make_engine(settings.database_url.get_secret_value())
        known = await hours_of(engine, "pc:joe")
        assert known == StoreHours("pc:joe", "Europe/Berlin", parse_week(week))
        await engine.dispose()

    asyncio.run(test())
