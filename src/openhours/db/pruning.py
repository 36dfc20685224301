"""Deleting old rows of a table that is not partitioned: a part of its pages at a time."""

import logging
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

_PAGES = 1000  # 8 MB: a transaction of some tens of milliseconds
_SIZE = text("SELECT pg_relation_size(CAST(:table AS text)::regclass) / 8192")


async def prune_rows(engine: AsyncEngine, table: str, condition: str, **values: Any) -> int:
    """Delete the rows that meet the condition, in short transactions; return how many.

    All pages are read, in their order: no index is needed, and nobody waits for long.
    """
    async with engine.connect() as connection:
        pages: int = (await connection.execute(_SIZE, {"table": table})).scalar_one()
    # What another transaction holds is left to the next time: no two can wait for each other.
    delete = text(f"""
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table}
            WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:beyond AS tid) AND ({condition})
            FOR UPDATE SKIP LOCKED))
    """)  # noqa: S608  constant texts
    deleted = 0
    for page in range(0, pages, _PAGES):
        part = {"first": (page, 0), "beyond": (page + _PAGES, 0)}
        async with engine.begin() as connection:
            deleted += (await connection.execute(delete, part | values)).rowcount
    if deleted:
        log.info("retention: deleted %d rows of %s", deleted, table)
    return deleted
