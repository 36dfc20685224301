"""The server's part of `openhours hours`."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import database
from openhours.errors import NotFound, invalid
from openhours.ingestion.names import printable
from openhours.settings import Settings
from openhours.stores import hours, special_hours
from openhours.stores.schemas import SpecialHoursInfo
from openhours.stores.store_ids import EVERY
from openhours.times import check_date

_PAGE = 1_000


async def set_hours(
    settings: Settings, store_id: str, words: Sequence[str], valid_from: str | None
) -> None:
    """Replace the business hours of a store. Raise Invalid."""
    rows, since = hours.parse_week(words), _valid_from(valid_from)
    async with database.opened(settings) as (engine, _):
        await hours.set_hours(engine, store_id, rows, since)
        await _print_hours(engine, settings, store_id)


async def remove_hours(settings: Settings, store_id: str, valid_from: str | None) -> None:
    """Remove the business hours of a store that are valid from a date. Raise NotFound, Invalid."""
    since = _valid_from(valid_from)
    async with database.opened(settings) as (engine, _):
        await hours.remove_hours(engine, store_id, since)
        await _print_hours(engine, settings, store_id)


def _valid_from(text: str | None) -> date:
    return hours.ALWAYS_VALID if text is None else _date(text, "--valid-from: ")


def _date(text: str, option: str = "") -> date:
    try:
        return check_date(text)
    except ValueError as error:
        raise invalid(f"{option}{text!r} is {error}") from None


async def set_timezone(settings: Settings, store_id: str, timezone: str) -> None:
    """Replace the time zone of a store. Raise Invalid."""
    async with database.opened(settings) as (engine, _):
        await hours.set_timezone(engine, store_id, timezone)
        await _print_hours(engine, settings, store_id)


async def show_hours(settings: Settings, store_id: str) -> None:
    """Print the business hours of a store. Raise NotFound."""
    async with database.opened(settings) as (engine, _):
        await _print_hours(engine, settings, store_id)


async def _print_hours(engine: AsyncEngine, settings: Settings, store_id: str) -> None:
    known = await hours.hours_of(engine, store_id)
    if known is None:
        raise NotFound(f"there is no store {store_id!r}")
    zone = known.timezone or f"{settings.default_timezone} (the default)"
    first = known.versions[0].rows if known.versions else []
    print(f"{store_id}: {hours.written(first)}, {zone}")
    for version in known.versions:
        if version.valid_from != hours.ALWAYS_VALID:
            print(f"  from {version.valid_from}: {hours.written(version.rows)}")
    for one in await special_hours.special_hours_of(engine, store_id):
        every = " (every polled store)" if one.store_id == EVERY else ""
        print(f"  on {one.date}: {special_hours.written_spans(one)}{every}")


async def list_special_hours(settings: Settings, store_id: str | None) -> None:
    """Print special hours, the last date first. Raise Invalid for an unknown store."""
    async with database.opened(settings) as (engine, _), engine.connect() as connection:
        store = None
        if store_id is not None:
            store = await special_hours.find_store_or_every(connection, store_id)
        cursor = None
        while True:
            page = await special_hours.list_special_hours(
                connection, store, limit=_PAGE, cursor=cursor
            )
            for row in page.rows:
                print(_line(special_hours.special_hours_info(row)))
            cursor = page.next_cursor
            if cursor is None:
                return


def _line(one: SpecialHoursInfo) -> str:
    return f"{one.date}  {printable(one.store_id)}  {special_hours.written_spans(one)}"


async def set_special_hours(
    settings: Settings, store_id: str, text: str, words: Sequence[str]
) -> None:
    """Set the special hours of a store, or of EVERY, on a date, and print them. Raise Invalid."""
    spans, day = special_hours.parse_spans(words), _date(text)
    async with database.opened(settings) as (engine, _):
        print(_line(await special_hours.set_special_hours(engine, store_id, day, spans)))


async def remove_special_hours(settings: Settings, store_id: str, text: str) -> None:
    """Remove the special hours of a store, or of EVERY, on a date. Raise NotFound, Invalid."""
    day = _date(text)
    async with database.opened(settings) as (engine, _):
        await special_hours.remove_special_hours(engine, store_id, day)
