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

    `polled` are the database ids of the stores that a status file names. Where not all stores can
    be looked at, `turn` decides at which; at fewer if only the end of the file was new.
    """
    most = misfits.FEW_STORES if goes_on else misfits.MAX_STORES
    found: list[Advice | None] = []
    if kind == "hours":
        found += [await _repeated_rows(connection), await _overlapping_hours(connection)]
    if kind in ("status", "hours", "timezones"):
        found += [
            await _no_timezone(connection, zone, polled),
            await _no_hours(connection, polled),
            _other_timezone(await misfits.check_zones(connection, zone.name, turn, most)),
        ]
    return [one for one in found if one is not None]


def advice_of(ingestion: Ingestion) -> list[Advice]:
    """Return the advice that is kept with an ingestion."""
    return [Advice(**one) for one in ingestion.advice or ()]


async def _repeated_rows(connection: "asyncpg.Connection[Any]") -> Advice | None:
    count, stores = await _stores(
        connection,
        f"""
        SELECT DISTINCT store_id FROM (
            SELECT store_id FROM {FILE_ROWS}
            GROUP BY store_id, day, opens, closes, valid_from HAVING count(*) > 1) repeated
        """,  # noqa: S608
    )
    return _advice(
        "repeated_rows",
        count,
        stores,
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


async def _no_timezone(
    connection: "asyncpg.Connection[Any]", zone: DefaultZone, polled: Sequence[int] | None
) -> Advice | None:
    """Return advice about stores without a zone, unless all are meant to be in the default one."""
    others = f"SELECT FROM stores WHERE feed = '{POLLED}' AND timezone IS NOT NULL"
    condition = f"timezone IS NULL AND {misfits.HAS_HOURS} AND (NOT $3 OR EXISTS ({others}))"
    count, stores = await _polled_stores(connection, polled, condition, zone.is_set)
    have, them = ("has", "it") if count == 1 else ("have", "them")
    return _advice(
        "no_timezone",
        count,
        stores,
        f"{_many(count)} with polls and business hours {have} no time zone: {zone.name} is taken."
        f" Add {them} to a time zones file, or set OPENHOURS_DEFAULT_TIMEZONE.",
    )


async def _no_hours(
    connection: "asyncpg.Connection[Any]", polled: Sequence[int] | None
) -> Advice | None:
    """Return advice about stores without hours, where others have some."""
    condition = f"NOT {misfits.HAS_HOURS} AND EXISTS (SELECT FROM business_hours)"
    count, stores = await _polled_stores(connection, polled, condition)
    have, count_as, them = ("has", "counts", "it") if count == 1 else ("have", "count", "them")
    return _advice(
        "no_hours",
        count,
        stores,
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


async def _polled_stores(
    connection: "asyncpg.Connection[Any]",
    polled: Sequence[int] | None,
    condition: str,
    *args: object,
) -> tuple[int, list[AdviceExample]]:
    """Return how many stores with polls there are with a condition, and the first of them.

    They are among `polled`, unless that is None. `args` are from $3 on.
    """
    which = "$2::int4[] IS NULL" if polled is None else "id = ANY($2::int4[])"
    query = f"SELECT store_id FROM stores s WHERE feed = '{POLLED}' AND {which} AND {condition}"  # noqa: S608
    return await _stores(connection, query, polled, *args)


async def _stores(
    connection: "asyncpg.Connection[Any]", query: str, *args: object
) -> tuple[int, list[AdviceExample]]:
    """Return how many stores a query finds, and the first of them; its arguments are from $2 on."""
    count, store_ids = await connection.fetchrow(
        f"""
        WITH found AS MATERIALIZED ({query})
        SELECT (SELECT count(*) FROM found),
               ARRAY(SELECT store_id FROM found ORDER BY store_id LIMIT $1)
        """,  # noqa: S608  our own queries
        _MAX_EXAMPLES,
        *args,
    )
    return count, [AdviceExample(store_id=store_id) for store_id in store_ids]


def _advice(
    kind: AdviceKind, count: int, examples: Sequence[AdviceExample], message: str
) -> Advice | None:
    if count == 0:
        return None
    return Advice(kind=kind, count=count, message=message, examples=list(examples))


def _many(count: int) -> str:
    return "1 store" if count == 1 else f"{count:,} stores"
