"""A database with something of everything, for the pages: written without a worker."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
from fastapi.testclient import TestClient

from openhours.db.weekly import week_of
from openhours.stores.tables import OBSERVATIONS
from openhours.times import HOUR, MINUTE, iso, now, to_us
from openhours.uptime.tallies import tallies
from openhours.uptime.totals import Figures

SCRIPT = "<script>alert(1)</script>"
PC = "desk & <b>chair</b>"
SLASHED = "chain/7 & more?#%"
NAMED, NAME = "store-003", "Elm <i>Street</i> & more"
LABELS = {
    NAMED: {"name": NAME, "region": "west"},
    "store-004": {"name": "Oak Lane", "region": "west", "brand": "a=b"},
    "store-005": {"region": "east", "brand": "a=b"},
}
STORES = (SCRIPT, SLASHED, *(f"store-{n:03d}" for n in range(57)))
POLLS = (datetime(2023, 1, 23, 17, 14, tzinfo=UTC), datetime(2023, 1, 23, 18, 14, tzinfo=UTC))
AS_OF = datetime(2023, 1, 23, 18, 30, tzinfo=UTC)
FIRST, SECOND, PARTIAL, QUEUED, FAILED = "first", "second", "partial", "queued", "failed"

_REPORT = """
INSERT INTO reports (report_id, state, progress, as_of_polled, as_of_beating, interpolation,
                     stores, lookback_days, heartbeat_expiry_seconds, observed_within_minutes,
                     default_timezone, row_count, by_hour, error, created_at, started_at,
                     finished_at, calendar_timezone, windows)
VALUES ($1, $2, 0.5, $3::timestamptz, $3, 'nearest', $4, 14, 150, 60, 'America/Chicago', $5, $6, $7,
        $8::timestamptz, $8, $8::timestamptz + interval '2 s', 'America/Chicago',
        '[["last_hour", "elapsed", -3600000000, 0], ["last_day", "elapsed", -86400000000, 0],
          ["last_week", "elapsed", -604800000000, 0]]')
RETURNING id
"""
_ROWS = """
INSERT INTO report_rows
SELECT $1, s.id, s.store_id <> $2,
       ARRAY[$3::int8, 3 * $3::int8, 9 * $3::int8],
       ARRAY[up, 3 * up, 9 * up],
       ARRAY[$3::int8, 3 * $3::int8, 9 * $3::int8],
       ARRAY[up, 3 * up, 9 * up]
FROM stores s,
     LATERAL (SELECT CASE s.id % 3 WHEN 0 THEN 0 WHEN 1 THEN $4::int8 ELSE $3::int8 END AS up) u
WHERE s.feed = 'polled'
"""
_FILE = """
INSERT INTO ingestions (ingestion_id, kind, name, path, uploaded, state, progress, rows, loaded,
                        unchanged, rejected, rejected_by_reason, error)
VALUES ($1, $2, $3, '/x', true, $4, 0.25, $5, $6, $7, $8::int8,
        CASE WHEN $8::int8 > 0 THEN '{"mangled_store_id": 1, "bad_status": 1}'::jsonb END, $9)
RETURNING id
"""


async def fill(url: str) -> None:
    """Add stores with polls, hours, reports in every state, and files in every state.

    One store in three is down, one is partly up, one is up; `SCRIPT` is unknown. In the second
    report those that are partly up are worse than in the first, which is as of a week before.
    """
    raw: asyncpg.Connection[Any] = await asyncpg.connect(url)
    await raw.execute(
        "INSERT INTO stores (store_id, feed, first_observed_at)"
        " SELECT store, 'polled', $2 FROM unnest($1::text[]) WITH ORDINALITY AS s (store, n)"
        " ORDER BY n",
        STORES,
        POLLS[0],
    )
    await raw.execute("UPDATE stores SET timezone = 'America/Denver' WHERE store_id = $1", SLASHED)
    await raw.execute(
        "INSERT INTO business_hours SELECT id, 0, $2, $3 FROM stores WHERE store_id = $1",
        SLASHED,
        9 * HOUR,
        12 * HOUR,
    )
    await OBSERVATIONS.ensure(raw, week_of(to_us(POLLS[0])))
    await raw.execute(
        "INSERT INTO observations SELECT s.id, t, s.id % 3 > 0"
        " FROM stores s, unnest($1::timestamptz[]) t ORDER BY t, s.id",
        POLLS,
    )
    await raw.execute("INSERT INTO feed_clocks VALUES ('polled', $1)", POLLS[1])
    await raw.execute("INSERT INTO stores (store_id) VALUES ('only-hours')")
    for store, labels in LABELS.items():
        await raw.executemany(
            "INSERT INTO labels SELECT id, $2, $3 FROM stores WHERE store_id = $1",
            [(store, key, value) for key, value in labels.items()],
        )
    await _reports(raw)
    await _files(raw)
    await raw.execute(
        "INSERT INTO activity_counts VALUES"
        " ('2026-01-05 00:00Z', 6, '2026-01-05 04:00Z', 3),"
        " ('2026-01-05 04:00Z', 6, '2026-01-05 08:00Z', 5),"
        " ('2026-01-05 04:00Z', 7, '2026-01-05 08:00Z', 1)"
    )
    await raw.execute(
        "INSERT INTO activity_periods SELECT period_start, period_end, sum(event_count)"
        " FROM activity_counts GROUP BY period_start, period_end"
    )
    await raw.close()


def send(client: TestClient) -> None:
    """Send heartbeats of `PC`, visits of a person and a bot, and an event each of two users."""
    for minutes in (200, 100, 99, 98):
        beat = {"pc": PC, "event_time": iso(now() - timedelta(minutes=minutes))}
        client.post("/track", json=beat).raise_for_status()
    for agent, referrer in (("Mozilla/5.0 Firefox/140.0", ""), ("Googlebot/2.1", "https://a.b/")):
        visit = {"user_id": "u", "page_url": f"/{SCRIPT}", "user_agent": agent}
        client.post("/visit", json=visit | {"referrer": referrer}).raise_for_status()
    for user, document in ((6, "<i>17</i>"), (7, "18")):
        event = {
            "user_id": user,
            "event_action_timestamp": "2025-10-10T18:30:00Z",
            "action": "deleted",
            "metadata": {"document": document},
        }
        client.post("/api/event", json=event).raise_for_status()


async def _reports(raw: "asyncpg.Connection[Any]") -> None:
    store = await raw.fetchval("SELECT id FROM stores WHERE store_id = 'store-001'")
    by_hour = json.dumps({"polled": [[HOUR] * 168, [HOUR] * 167 + [HOUR // 2]]})
    for n, (name, state, stores) in enumerate(
        (
            (FIRST, "complete", None),
            (PARTIAL, "complete", [store]),
            (SECOND, "complete", None),
            (QUEUED, "queued", None),
            (FAILED, "failed", None),
        )
    ):
        complete = state == "complete"
        error = "the disk is full" if state == "failed" else None
        count = (1 if stores else len(STORES)) if complete else None
        at = datetime(2023, 1, 24, tzinfo=UTC) + timedelta(hours=n)
        as_of = AS_OF - timedelta(days=7) if name == FIRST else AS_OF
        report = await raw.fetchval(
            _REPORT, name, state, as_of, stores, count, by_hour if complete else None, error, at
        )
        if complete:
            up = (30 if name == FIRST else 20) * MINUTE
            await raw.execute(_ROWS, report, SCRIPT, HOUR, up)
            await _tally(raw, report)


async def _tally(raw: "asyncpg.Connection[Any]", report: int) -> None:
    """Add what a report keeps of all its rows."""
    rows = await raw.fetch("SELECT * FROM report_rows WHERE report = $1", report)
    opened, up, observed = (
        np.array([row[name] for row in rows]).T for name in ("open", "up", "observed")
    )
    known = np.array([row["known"] for row in rows])
    found = {"polled": tallies(Figures(opened, up, observed, np.zeros_like(up), known)).tolist()}
    await raw.execute("UPDATE reports SET tallies = $2 WHERE id = $1", report, json.dumps(found))


async def _files(raw: "asyncpg.Connection[Any]") -> None:
    polls = await raw.fetchval(_FILE, "polls", "status", "polls.csv", "complete", 5, 2, 1, 2, None)
    await raw.execute(
        "INSERT INTO rejected_rows"
        " VALUES ($1, 3, 'mangled_store_id', $2), ($1, 4, 'bad_status', $3)",
        polls,
        b"\xff,active,2023-01-23",
        b"<b>x</b>,asleep",
    )
    await raw.execute(_FILE, "zones", "timezones", "zones.csv", "complete", 1, 1, 0, 0, None)
    await raw.execute(
        _FILE, "cats", "hours", "cats.csv", "failed", None, None, None, None, "no store_id column"
    )
    await raw.execute(_FILE, "inbox", None, "in.csv", "queued", None, None, None, None, None)
