"""Store ids: which are allowed, and the numbers that other tables use in their place."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import asyncpg

MAX_LENGTH = 64  # characters
# A spreadsheet's idea of a long number.
_MANGLED = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE]\+[0-9]+")

StoreIdProblem = Literal["missing_store_id", "mangled_store_id"]


def store_id_problem(store_id: str) -> StoreIdProblem | None:
    """Return what is wrong with a store id, or None."""
    # Too long counts as missing: no store can have this id.
    if not store_id or store_id.isspace() or len(store_id) > MAX_LENGTH:
        return "missing_store_id"
    return "mangled_store_id" if _MANGLED.fullmatch(store_id) else None


async def numbers_of(
    connection: "asyncpg.Connection[Any]", store_ids: Sequence[str]
) -> dict[str, int]:
    """The number of each store, made where there is none yet, in the order of the ids."""
    find = "SELECT store_id, id FROM stores WHERE store_id = ANY($1::text[])"
    known = dict(await connection.fetch(find, store_ids))
    # Asked before inserted: ON CONFLICT alone would burn a number for every store every hour.
    missing = sorted(set(store_ids) - known.keys())
    if missing:
        await connection.execute(
            "INSERT INTO stores (store_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
            missing,
        )
        known |= dict(await connection.fetch(find, missing))
    return known
