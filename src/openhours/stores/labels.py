"""Labels of stores: which there are, and which stores have them.

`{"region": ["west", "east"], "brand": ["x"]}` means the stores that have, for every key, one of its
values.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeAlias

import asyncpg
import numpy as np
from pydantic import Field
from sqlalchemy import ColumnElement, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.fields import Text
from openhours.db import bulk
from openhours.errors import FieldProblem, Invalid
from openhours.stores.tables import Label, Store
from openhours.uptime.axis import Bool, Int64

Connection: TypeAlias = "asyncpg.Connection[Any]"

MAX_LENGTH = 200  # characters of a key or a value
MAX_KEYS = 20  # of a file, or of a choice of stores
NAME = "name"  # the key of what a store is called
TARGET = "target"  # the key of the share of open time that a store should be up, in percent
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")
_Word = Annotated[Text, Field(min_length=1, max_length=MAX_LENGTH)]

Labels = Annotated[
    dict[_Word, Annotated[list[_Word], Field(min_length=1, max_length=1000, fail_fast=True)]],
    Field(min_length=1, max_length=MAX_KEYS, examples=[{"region": ["west"]}]),
]


def parse_target(text: str) -> int | None:
    """Return a target, 0 to 100 with up to two decimals, in hundredths of a percent; None: none."""
    parts = _PERCENT.fullmatch(text)
    if parts is None:
        return None
    hundredths = int(parts[1]) * 100 + int((parts[2] or "").ljust(2, "0"))
    return hundredths if hundredths <= 100_00 else None


def written(labels: Mapping[str, Sequence[str]]) -> str:
    """Return labels in words: `region: west or east, brand: x`."""
    return ", ".join(f"{key}: {' or '.join(values)}" for key, values in labels.items())


def having(labels: Mapping[str, Sequence[str]]) -> ColumnElement[bool]:
    """Return the condition on rows of `stores` that they have these labels."""
    condition: ColumnElement[bool] = true()
    for key, values in labels.items():
        condition &= Store.id.in_(
            select(Label.store).where(Label.key == key, Label.value == func.any(list(values)))
        )
    return condition


async def check_labels(connection: AsyncConnection, labels: Mapping[str, Sequence[str]]) -> None:
    """Raise Invalid, with the paths `labels, key`, for keys and values that no store has."""
    problems = []
    for key, values in labels.items():
        known = await values_in_use(connection, key, values)
        unknown = [value for value in dict.fromkeys(values) if value not in known]
        if not unknown:
            continue
        is_key = known or await connection.scalar(
            select(Label.key).where(Label.key == key).limit(1)
        )
        message = (
            f"unknown value of {key}: {', '.join(unknown)}" if is_key else f"unknown label: {key}"
        )
        problems.append(FieldProblem(("labels", key), message))
    if problems:
        raise Invalid(problems)


async def values_in_use(connection: AsyncConnection, key: str, values: Sequence[str]) -> set[str]:
    """Return those of the values of a key that a store has."""
    query = select(Label.value).where(Label.key == key, Label.value == func.any(list(values)))
    return set(await connection.scalars(query.distinct()))


# From one value to the next: an index tells each at once.
_FIRST_VALUES = text("""
WITH RECURSIVE each AS (
    (SELECT key, value, 1 AS nth FROM labels ORDER BY key, value LIMIT 1)
    UNION ALL
    SELECT next.key, next.value, CASE WHEN next.key = each.key THEN nth + 1 ELSE 1 END
    FROM each, LATERAL (
        (SELECT key, value FROM labels
         WHERE nth < :values AND (key, value) > (each.key, each.value)
         ORDER BY key, value LIMIT 1)
        UNION ALL
        (SELECT key, value FROM labels
         WHERE nth >= :values AND key > each.key ORDER BY key, value LIMIT 1)
    ) next
)
SELECT key, value FROM each
""")


async def list_labels(connection: AsyncConnection, values: int) -> dict[str, list[str]]:
    """Return all keys, and of each so many values at most, in bytewise order."""
    found = dict[str, list[str]]()
    for key, value in await connection.execute(_FIRST_VALUES, {"values": values}):
        found.setdefault(key, []).append(value)
    return found


async def label_keys(connection: Connection) -> list[str]:
    """Return the keys of all labels, in bytewise order."""
    # From one key to the next: an index tells each at once.
    rows = await connection.fetch(
        """
        WITH RECURSIVE keys AS (
            SELECT min(key) AS key FROM labels
            UNION ALL SELECT (SELECT min(key) FROM labels l WHERE l.key > k.key) FROM keys k
            WHERE k.key IS NOT NULL
        ) SELECT key FROM keys WHERE key IS NOT NULL
        """
    )
    return [row["key"] for row in rows]


async def read_targets(connection: Connection) -> tuple[Int64, Int64]:
    """Return the stores with a target of their own, by database id, ascending; and the targets.

    They are in hundredths of a percent. Raw asyncpg, packed by the server: a report asks for all.
    """
    rows = await connection.fetch(
        "SELECT value, string_agg(int4send(store), NULL) AS stores FROM labels"
        " WHERE key = $1 GROUP BY value",
        TARGET,
    )
    # Labels that were there before they had a meaning may be any text.
    parsed = [(row["stores"], parse_target(row["value"])) for row in rows]
    packs = [(pack, target) for pack, target in parsed if target is not None]
    store = np.frombuffer(b"".join(pack for pack, _ in packs), ">i4").astype(np.int64)
    counts = [len(pack) // 4 for pack, _ in packs]
    target = np.repeat(np.array([target for _, target in packs], np.int64), counts)
    order = np.argsort(store)
    return store[order], target[order]


class LabelledStores(NamedTuple):
    """Keys and values, each once, in bytewise order; `store[i]` has that at `label[i]`."""

    labels: list[tuple[str, str]]
    store: Int64
    label: Int64


async def next_labels(
    connection: Connection, only: Sequence[int] | None, after: tuple[str, str], limit: int
) -> LabelledStores:
    """Return the keys and values that follow `after`, so many at most, with their stores.

    Of the stores with the database ids `only`; None: of all. Raw asyncpg, packed by the server: a
    report asks for all its stores at once.
    """
    rows = await connection.fetch(
        """
        SELECT key, value, string_agg(int4send(store), NULL) AS stores FROM labels
        WHERE (key, value) > ($1, $2) AND ($3::int4[] IS NULL OR store = ANY($3))
        GROUP BY key, value ORDER BY key, value LIMIT $4
        """,
        *after,
        only,
        limit,
    )
    packs = [row["stores"] for row in rows]
    return LabelledStores(
        labels=[(row["key"], row["value"]) for row in rows],
        store=np.frombuffer(b"".join(packs), ">i4").astype(np.int64),
        label=np.repeat(np.arange(len(packs)), [len(pack) // 4 for pack in packs]),
    )


_HAVING = """
SELECT l.store, w.pair::int4
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (key, value, pair)
JOIN labels l USING (key, value)
"""


async def stores_with(
    connection: Connection,
    labels: Sequence[Mapping[str, Sequence[str]]],
    store_pks: Int64,
) -> Bool:
    """Return for each of `labels` which of the stores have them: (labels, stores).

    Raw asyncpg and binary COPY: a report asks for all its stores at once.
    """
    pairs = {(key, value) for each in labels for key, values in each.items() for value in values}
    place = {pair: n for n, pair in enumerate(sorted(pairs))}
    has = np.zeros((len(place), len(store_pks)), np.bool_)
    if has.size:
        keys, values = zip(*place, strict=True)
        types = {"store": "int4", "pair": "int4"}
        found = await bulk.copy_out(connection, _HAVING, types, list(keys), list(values))
        order = np.argsort(store_pks)
        at = np.searchsorted(store_pks, found["store"], sorter=order)
        position = order[np.minimum(at, len(order) - 1)]
        asked = store_pks[position] == found["store"]
        has[found["pair"][asked] - 1, position[asked]] = True
    which = np.ones((len(labels), len(store_pks)), np.bool_)
    for n, each in enumerate(labels):
        for key, any_of in each.items():
            which[n] &= has[[place[key, value] for value in any_of]].any(axis=0)
    return which
