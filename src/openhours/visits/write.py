"""Writing visits: a group is one statement, one round trip, one commit."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import raw_connection
from openhours.visits.tables import VISITS

# The counter's row is locked before the time is read, and until the commit.
_WRITE = """
WITH counter AS (
    UPDATE visit_counter
    SET total = total + $1, bots = bots + $2, newest_at = greatest(newest_at, clock_timestamp())
    RETURNING total - $1 AS before, bots - $2 AS bots_before, newest_at
), written AS (
    INSERT INTO visits (number, bots_before, visited_at, bot,
                        user_id, page_url, user_agent, ip_address, referrer)
    SELECT c.before + v.n, c.bots_before + v.bots_before, c.newest_at, v.bot,
           v.user_id, v.page_url, v.user_agent, v.ip_address, v.referrer
    FROM counter c, unnest(
        $3::int8[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[]
    ) WITH ORDINALITY
      AS v (bots_before, user_id, page_url, user_agent, bot, ip_address, referrer, n)
)
SELECT before FROM counter
"""
_CLOCK = "SELECT greatest(newest_at, clock_timestamp()) FROM visit_counter"


class NewVisit(NamedTuple):
    """Visit to write."""

    user_id: str
    page_url: str
    user_agent: str | None
    bot: bool
    ip_address: str | None
    referrer: str | None


async def write_visits(engine: AsyncEngine, visits: Sequence[NewVisit]) -> Sequence[int]:
    """Write the visits in one transaction and return the number of each, without gaps."""
    bots = 0
    bots_before = []
    for visit in visits:
        bots_before.append(bots)
        bots += visit.bot
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        values = (len(visits), bots, bots_before, *zip(*visits, strict=True))
        # A single statement outside SQLAlchemy's transaction commits itself.
        row = await VISITS.insert_now(raw, _CLOCK, _WRITE, *values)
    before: int = row["before"]
    return range(before + 1, before + 1 + len(visits))
