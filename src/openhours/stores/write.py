"""Everything that is written to stores, their hours, time zones and labels, and observations.

Files bring these in batches, by COPY and `unnest`: hence asyncpg, inside the caller's transaction.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import numpy as np
from numpy.typing import NDArray

from openhours.db import bulk
from openhours.stores.packs import Polls
from openhours.stores.store_ids import EVERY
from openhours.stores.tables import EVERY_STORE, POLLED
from openhours.times import from_us, to_us

Connection: TypeAlias = "asyncpg.Connection[Any]"
_OBSERVATIONS = {"store": "int4", "observed_at": "timestamptz", "active": "bool"}
# Temporary table with the rows of a file, by `line` and `store_id`.
FILE_ROWS = "file_rows"
# Those of hours and special hours once more, each once, by database ids of stores.
FILE_HOURS = "file_hours"


async def ensure_stores(connection: Connection, store_ids: Sequence[str]) -> dict[str, int]:
    """Return the database's id of each store; insert those that are missing, in the ids' order."""
    find = "SELECT store_id, id FROM stores WHERE store_id = ANY($1::text[])"
    known = dict(await connection.fetch(find, store_ids))
    # Looked up before inserted: ON CONFLICT alone would use up an id for every store every hour.
    missing = sorted(set(store_ids) - known.keys())
    if missing:
        await connection.execute(
            "INSERT INTO stores (store_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
            missing,
        )
        known |= dict(await connection.fetch(find, missing))
    return known


async def lock_store(connection: Connection, store_id: str) -> int:
    """Return the database's id of a store, inserted if it is missing, and lock its row."""
    store = (await ensure_stores(connection, [store_id]))[store_id]
    await connection.execute("SELECT FROM stores WHERE id = $1 FOR NO KEY UPDATE", store)
    return store


class Written(NamedTuple):
    """How many rows are new or changed; and whether all rows are new."""

    changed: int
    are_new: bool


async def newest_observation(connection: Connection, table: str) -> int:
    """Return the instant (µs) of the newest row of a week's table, BEFORE_ALL if it is empty."""
    newest = await connection.fetchval(f"SELECT max(observed_at) FROM {table}")  # noqa: S608
    return bulk.BEFORE_ALL if newest is None else to_us(newest)


async def copy_observations(connection: Connection, table: str, polls: Polls) -> None:
    """Copy polls into a table with the columns of a week's."""
    columns = dict(zip(_OBSERVATIONS, polls, strict=True))
    await bulk.copy_in(connection, table, _OBSERVATIONS, columns)


async def append_observations(connection: Connection, table: str, polls: Polls) -> Written:
    """Copy polls into a week's table that has none of them; merge them if it turns out to have."""
    try:
        async with connection.transaction():
            await copy_observations(connection, table, polls)
    except asyncpg.UniqueViolationError:
        # Somebody else had written some in a transaction that was still open before.
        return await merge_observations(connection, table, polls)
    return Written(len(polls.store), True)


async def merge_observations(connection: Connection, table: str, polls: Polls) -> Written:
    """Merge polls into a week's table by (store, instant).

    Those that the week has already, with the same status, cost a look-up and write nothing.
    """
    await connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS staged"
        " (store int4, observed_at timestamptz, active bool) ON COMMIT DROP"
    )
    await connection.execute("TRUNCATE staged")
    await copy_observations(connection, "staged", polls)
    done = await connection.execute(
        f"INSERT INTO {table} SELECT * FROM staged ON CONFLICT DO NOTHING"  # noqa: S608
    )
    new = _count(done)
    if new == len(polls.store):
        return Written(new, True)
    await connection.execute("ANALYZE staged")
    done = await connection.execute(
        f"""
        UPDATE {table} o SET active = s.active FROM staged s
        WHERE o.store = s.store AND o.observed_at = s.observed_at AND o.active <> s.active
        """  # noqa: S608  our own table's name
    )
    return Written(new + _count(done), False)


async def note_first_observed(
    connection: Connection, store: NDArray[np.int64], first: NDArray[np.int64]
) -> None:
    """Note for polled stores when they were first observed (µs), where that is news."""
    if len(store) == 0:
        return
    # In most files it is not: asking first is cheaper than bringing all of them.
    later = await connection.fetch(
        "SELECT id FROM stores WHERE first_observed_at IS NULL OR first_observed_at > $1",
        from_us(int(first.min())),
    )
    news = np.isin(store, [row["id"] for row in later])
    if not news.any():
        return
    await connection.execute(
        "CREATE TEMP TABLE first_observed (store int4, at timestamptz) ON COMMIT DROP"
    )
    await bulk.copy_in(
        connection,
        "first_observed",
        {"store": "int4", "at": "timestamptz"},
        {"store": store[news], "at": first[news]},
    )
    await connection.execute(
        """
        UPDATE stores s SET feed = $1, first_observed_at = f.at FROM first_observed f
        WHERE s.id = f.store AND (s.first_observed_at IS NULL OR s.first_observed_at > f.at)
        """,
        POLLED,
    )


async def note_newest_poll(connection: Connection, newest: int) -> None:
    """Move the clock of the polled feed on to an instant (µs), never back."""
    await connection.execute(
        """
        INSERT INTO feed_clocks (feed, newest_at)
        VALUES ($1, timestamptz 'epoch' + $2::int8 * interval '1 microsecond')
        ON CONFLICT (feed) DO UPDATE
        SET newest_at = greatest(feed_clocks.newest_at, excluded.newest_at)
        """,
        POLLED,
        newest,
    )


async def ensure_stores_of_file(connection: Connection) -> None:
    """Insert the stores of `file_rows` that are missing, in the ids' order."""
    # PostgreSQL knows nothing of a temporary table unless it is told to look.
    await connection.execute(f"ANALYZE {FILE_ROWS}")
    await connection.execute(
        f"""
        INSERT INTO stores (store_id)
        SELECT DISTINCT store_id FROM {FILE_ROWS} f
        WHERE NOT EXISTS (SELECT FROM stores s WHERE s.store_id = f.store_id)
          AND store_id <> '{EVERY}'
        ORDER BY store_id ON CONFLICT DO NOTHING
        """  # noqa: S608
    )


async def replace_hours(connection: Connection) -> int:
    """Replace the versions of hours that `file_rows` names; return how many rows are new.

    Rows have `day, opens, closes, valid_from`; those of a store with one `valid_from` are a
    version. One that is there twice, or stored already, is unchanged.
    """
    return await _replace(connection, "business_hours", "valid_from", ("day", "opens", "closes"))


async def replace_special_hours(connection: Connection) -> int:
    """Replace the special hours of each store and date that `file_rows` names, as `replace_hours`.

    Rows have `date, opens, closes`; a store may be EVERY.
    """
    return await _replace(connection, "special_hours", "date", ("opens", "closes"))


async def _replace(connection: Connection, table: str, since: str, others: Sequence[str]) -> int:
    """Replace the rows of a table with each store and `since` in `file_rows`; return the new ones.

    All columns together are the table's key.
    """
    await ensure_stores_of_file(connection)
    columns = ", ".join((since, *others))
    same = " AND ".join(f"f.{name} = t.{name}" for name in ("store", since, *others))
    await connection.execute(
        f"""
        CREATE TEMP TABLE {FILE_HOURS} ON COMMIT DROP AS
        SELECT DISTINCT CASE WHEN f.store_id = '{EVERY}' THEN {EVERY_STORE} ELSE s.id END AS store,
               {columns}
        FROM {FILE_ROWS} f LEFT JOIN stores s USING (store_id)
        """  # noqa: S608
    )
    await connection.execute(f"ANALYZE {FILE_HOURS}")
    await connection.execute(
        f"""
        DELETE FROM {table} t
        WHERE (store, {since}) IN (SELECT store, {since} FROM {FILE_HOURS})
          AND NOT EXISTS (SELECT FROM {FILE_HOURS} f WHERE {same})
        """  # noqa: S608
    )
    done = await connection.execute(
        f"""
        INSERT INTO {table} (store, {columns})
        SELECT store, {columns} FROM {FILE_HOURS} ON CONFLICT DO NOTHING
        """  # noqa: S608
    )
    return _count(done)


async def replace_timezones(connection: Connection) -> int:
    """Set the `zone` of each store in `file_rows`, that of the last line; return how many changed.

    Stores that are missing are inserted.
    """
    await ensure_stores_of_file(connection)
    done = await connection.execute(
        f"""
        UPDATE stores s SET timezone = f.zone
        FROM (SELECT DISTINCT ON (store_id) store_id, zone FROM {FILE_ROWS}
              ORDER BY store_id, line DESC) f
        WHERE s.store_id = f.store_id AND s.timezone IS DISTINCT FROM f.zone
        """  # noqa: S608
    )
    return _count(done)


async def replace_labels(connection: Connection, keys: Sequence[str]) -> int:
    """Set the labels of each store in `file_rows`, those of the last line; return how many changed.

    Rows have `values`, one for each of the keys; an empty one takes the label away. Stores that are
    missing are inserted.
    """
    await ensure_stores_of_file(connection)
    await connection.execute(
        f"""
        CREATE TEMP TABLE file_labels ON COMMIT DROP AS
        SELECT s.id AS store, k.key, f.values[k.nth] AS value
        FROM (SELECT DISTINCT ON (store_id) store_id, values FROM {FILE_ROWS}
              ORDER BY store_id, line DESC) f
        JOIN stores s USING (store_id)
        CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS k (key, nth)
        """,  # noqa: S608
        keys,
    )
    await connection.execute("ANALYZE file_labels")
    return int(
        await connection.fetchval(
            """
            WITH gone AS (
                DELETE FROM labels l USING file_labels f
                WHERE l.store = f.store AND l.key = f.key AND f.value = '' RETURNING l.store
            ), put AS (
                INSERT INTO labels AS l (store, key, value)
                SELECT store, key, value FROM file_labels WHERE value <> ''
                ON CONFLICT (store, key) DO UPDATE SET value = excluded.value
                WHERE l.value <> excluded.value RETURNING store
            )
            SELECT count(DISTINCT store)
            FROM (SELECT store FROM gone UNION ALL SELECT store FROM put) changed
            """
        )
    )


def _count(status: str) -> int:
    """Return the number of rows in a statement's status: `INSERT 0 17`, `UPDATE 17`."""
    return int(status.rsplit(maxsplit=1)[-1])
