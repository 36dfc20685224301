"""Store ids become the numbers that other tables use."""

from collections.abc import Sequence
from typing import Any

import asyncpg


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
