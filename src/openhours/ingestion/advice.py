"""Advice: what is probably wrong after a file was loaded, in it or in what others have brought.

Found in the transaction that loads the file, and kept with its ingestion.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import asyncpg
import numpy as np
from pydantic import BaseModel, Field

from openhours.ingestion import misfits
from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.tables import Ingestion
from openhours.stores.columns import read_week_hours
from openhours.stores.hours import DAYS, written_span
from openhours.stores.tables import POLLED
from openhours.stores.write import FILE_HOURS, FILE_ROWS
from openhours.uptime.dates import overlapping
from openhours.uptime.fit import FEW_OUTSIDE, MANY_OUTSIDE

_MAX_EXAMPLES = 20
_MAX_ROWS = 4  # of a store that are shown

AdviceKind = Literal[
    "repeated_rows", "overlapping_hours", "no_timezone", "no_hours", "other_timezone"
]


class AdviceExample(BaseModel):
    """A store that advice is about."""

    store_id: str
    detail: str | None = None


class Advice(BaseModel):
    """What is probably wrong, and what to do about it."""

    kind: AdviceKind
    count: Annotated[int, Field(description="How many stores it is about.")]
    message: str
    examples: Annotated[
        list[AdviceExample], Field(description=f"Some of the stores, {_MAX_EXAMPLES} at most.")
    ]


class DefaultZone(NamedTuple):
    """The zone of stores without one; whether a setting names it."""

    name: str
    is_set: bool


async def find_advice(
    connection: "asyncpg.Connection[Any]",
    kind: Kind,
    zone: DefaultZone,
    turn: int,
    *,
    polled: Sequence[int] | None = None,
    goes_on: bool = False,
) -> list[Advice]:
    """Return advice about a file of this kind that the open transaction has loaded.

    `polled` are the database ids of the stores that a status file names, if only they matter. Where
    not all stores can be looked at, `turn` decides at which; at fewer if only the end of the file
    was new.
    """
    most = misfits.FEW_STORES if goes_on else misfits.MAX_STORES
    found: list[Advice | None] = []
    if kind == "hours":
        found += [await _repeated_rows(connection), await _overlapping_hours(connection)]
    if kind in ("status", "hours", "timezones"):
        found += [
            *await _missing(connection, zone, polled),
            _other_timezone(await misfits.check_zones(connection, zone.name, turn, most)),
        ]
    return [one for one in found if one is not None]


def advice_of(ingestion: Ingestion) -> list[Advice]:
    """Return the advice that is kept with an ingestion."""
    return [Advice(**one) for one in ingestion.advice or ()]


async def _repeated_rows(connection: "asyncpg.Connection[Any]") -> Advice | None:
    count, store_ids = await connection.fetchrow(
        f"""
        WITH repeated AS MATERIALIZED (
            SELECT DISTINCT store_id FROM (
                SELECT store_id FROM {FILE_ROWS}
                GROUP BY store_id, day, opens, closes, valid_from HAVING count(*) > 1) rows
        )
        SELECT {_first_of("repeated")}
        """,  # noqa: S608
        _MAX_EXAMPLES,
    )
    return _advice(
        "repeated_rows",
        count,
        _examples(store_ids),
        f"Rows of {_many(count)} are in the file more than once. Each counts once; check what"
        " writes the file.",
    )


async def _overlapping_hours(connection: "asyncpg.Connection[Any]") -> Advice | None:
    week = await read_week_hours(connection, f"{FILE_HOURS} ORDER BY store, valid_from, day, opens")
    found = np.flatnonzero(overlapping(week))
    stores = np.unique(week.store[found])
    examples = {store: list[str]() for store in stores[:_MAX_EXAMPLES].tolist()}
    for n in found.tolist():
        shown = examples.get(int(week.store[n]), [])
        if len(shown) < _MAX_ROWS:
            span = written_span(int(week.opens[n]), int(week.closes[n]))
            shown.append(f"{DAYS[int(week.day[n])]} {span}")
    names = dict(
        await connection.fetch(
            "SELECT id, store_id FROM stores WHERE id = ANY($1::int4[])", list(examples)
        )
    )
    return _advice(
        "overlapping_hours",
        len(stores),
        [
            AdviceExample(store_id=names[store], detail=", ".join(shown))
            for store, shown in examples.items()
        ],
        f"Hours of {_many(len(stores))} overlap. What two rows name counts once; check whether one"
        " of them should not be there.",
    )


async def _missing(
    connection: "asyncpg.Connection[Any]", zone: DefaultZone, polled: Sequence[int] | None
) -> tuple[Advice | None, Advice | None]:
    """Return advice about stores without a zone, and about stores without hours."""
    which = "$3::int4[] IS NULL" if polled is None else "id = ANY($3::int4[])"
    # Each store's hours are looked up in their key: a file may name few stores of a large fleet.
    await connection.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    zoneless, their_ids, hourless, ids = await connection.fetchrow(
        f"""
        WITH of_file AS MATERIALIZED (
            SELECT id, store_id, timezone FROM stores WHERE feed = '{POLLED}' AND {which}
        ), zoneless AS MATERIALIZED (
            SELECT store_id FROM of_file s WHERE timezone IS NULL
              AND EXISTS (SELECT FROM business_hours h WHERE h.store = s.id)
              AND (NOT $2 OR EXISTS (SELECT FROM stores WHERE feed = '{POLLED}'
                                     AND timezone IS NOT NULL))
        ), hourless AS MATERIALIZED (
            SELECT store_id FROM of_file s
            WHERE NOT EXISTS (SELECT FROM business_hours h WHERE h.store = s.id)
              AND EXISTS (SELECT FROM business_hours)
        )
        SELECT {_first_of("zoneless")}, {_first_of("hourless")}
        """,  # noqa: S608  our own texts
        _MAX_EXAMPLES,
        zone.is_set,
        polled,
    )
    await connection.execute(
        "SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT"
    )
    return _no_timezone(zoneless, their_ids, zone), _no_hours(hourless, ids)


def _first_of(found: str) -> str:
    """Return SQL for how many rows there are of `found`, and its first stores, $1 at most."""
    return (
        f"(SELECT count(*) FROM {found}),"  # noqa: S608
        f" ARRAY(SELECT store_id FROM {found} ORDER BY store_id LIMIT $1)"
    )


def _no_timezone(count: int, store_ids: Sequence[str], zone: DefaultZone) -> Advice | None:
    """Return advice about stores without a zone, unless all are meant to be in the default one."""
    have, them = ("has", "it") if count == 1 else ("have", "them")
    return _advice(
        "no_timezone",
        count,
        _examples(store_ids),
        f"{_many(count)} with polls and business hours {have} no time zone: {zone.name} is taken."
        f" Add {them} to a time zones file, or set OPENHOURS_DEFAULT_TIMEZONE.",
    )


def _no_hours(count: int, store_ids: Sequence[str]) -> Advice | None:
    """Return advice about stores without hours, where others have some."""
    have, count_as, them = ("has", "counts", "it") if count == 1 else ("have", "count", "them")
    return _advice(
        "no_hours",
        count,
        _examples(store_ids),
        f"{_many(count)} with polls {have} no business hours, and {count_as} as always open. Add"
        f" {them} to an hours file, or set the hours to always (openhours hours set).",
    )


def _other_timezone(checked: misfits.Checked | None) -> Advice | None:
    if checked is None:
        return None
    count = len(checked.found.store)
    return _advice(
        "other_timezone",
        count,
        [
            AdviceExample(store_id=store_id, detail=detail)
            for store_id, detail in checked.described(_MAX_EXAMPLES)
        ],
        f"{count:,} of {_many(len(checked.store_ids))} that were checked"
        f" {'seems' if count == 1 else 'seem'} to be in another time zone: in the last week over"
        f" {MANY_OUTSIDE:.0%} of the active polls were outside of business hours, and under"
        f" {FEW_OUTSIDE:.0%} would be if those began some hours earlier or later. Check the time"
        " zones, and whether the hours are in local time.",
    )


def _examples(store_ids: Sequence[str]) -> list[AdviceExample]:
    return [AdviceExample(store_id=store_id) for store_id in store_ids]


def _advice(
    kind: AdviceKind, count: int, examples: Sequence[AdviceExample], message: str
) -> Advice | None:
    if count == 0:
        return None
    return Advice(kind=kind, count=count, message=message, examples=list(examples))


def _many(count: int) -> str:
    return "1 store" if count == 1 else f"{count:,} stores"
