"""What must hold when the faults are over: nothing is lost, doubled or left undone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from tools.chaos.caller import Ledger

from openhours.times import iso

_FAILED = """
SELECT 'reports' AS kind, error FROM reports WHERE state = 'failed'
UNION ALL SELECT 'uploads', error FROM ingestions WHERE state = 'failed'
"""

# Each counts what must not be there.
_NEVER = {
    "jobs in the queue": "SELECT count(*) FROM pgqueuer",
    "reports that have not ended": """
        SELECT count(*) FROM reports WHERE state NOT IN ('complete', 'failed')""",
    "ingestions that have not ended": """
        SELECT count(*) FROM ingestions WHERE state NOT IN ('complete', 'failed')""",
    # Who was hit at each of three attempts says so; for anything else there is no reason.
    "reports and ingestions that failed": f"""
        SELECT count(*) FROM ({_FAILED}) AS failed
        WHERE error NOT LIKE '%ended 3 times unexpectedly'""",
    "reports with other rows than they say": """
        SELECT count(*) FROM reports r WHERE coalesce(row_count, 0)
            <> (SELECT count(*) FROM report_rows w WHERE w.report = r.id)""",
    "reports with other outages than they say": """
        SELECT count(*) FROM reports r WHERE coalesce(outage_count, 0)
            <> (SELECT coalesce(sum(cardinality(began_at)), 0) FROM report_outages o
                WHERE o.report = r.id)""",
    "rows of no report": """
        SELECT count(*) FROM report_rows WHERE report NOT IN (SELECT id FROM reports)""",
    "outages of no report": """
        SELECT count(*) FROM report_outages WHERE report NOT IN (SELECT id FROM reports)""",
    "groups of no report": """
        SELECT count(*) FROM report_groups WHERE report NOT IN (SELECT id FROM reports)""",
    "ingestions whose rows do not add up": """
        SELECT count(*) FROM ingestions WHERE state = 'complete'
            AND (rows <> loaded + unchanged + rejected OR rejected <> 1)""",
    "ingestions with other rejected rows than they say": """
        SELECT count(*) FROM ingestions i WHERE coalesce(rejected, 0)
            <> (SELECT count(*) FROM rejected_rows r WHERE r.ingestion = i.id)""",
    "polls that were not loaded exactly once": """
        SELECT abs((SELECT coalesce(sum(loaded), 0) FROM ingestions) - (
            SELECT count(*) FROM observations JOIN stores s ON s.id = store
            WHERE s.feed = 'polled'))""",
    "weeks that were left unfinished": """
        SELECT count(*) FROM pg_class WHERE relkind = 'r' AND NOT relispartition
            AND relname ~ '^(observations|heartbeats|visits|activity_events)_[0-9]{8}$'""",
    "heartbeats without their beat_id, or the other way round": """
        SELECT count(*) FROM heartbeats h
        FULL JOIN beat_ids b ON b.heartbeat = h.id AND b.event_time = h.event_time
        WHERE h.id IS NULL OR b.hash IS NULL""",
    "PCs whose heartbeats do not begin when they were first observed": """
        SELECT count(*) FROM stores s WHERE feed = 'beating' AND first_observed_at
            IS DISTINCT FROM (SELECT min(event_time) FROM heartbeats h WHERE h.store = s.id)""",
    "visits that are not numbered 1, 2, 3, ...": """
        SELECT greatest(max(number), (SELECT total FROM visit_counter)) - count(*)
            + count(*) - count(DISTINCT user_id) FROM visits""",
    "periods with a wrong count of events": """
        SELECT count(*) FROM (
            SELECT period_start, user_id, event_count, (SELECT count(*) FROM activity_events e
                WHERE e.user_id = c.user_id AND e.recorded_at >= c.period_start
                AND e.recorded_at < c.period_end) AS events FROM activity_counts c) AS counts
        WHERE event_count <> events""",
    "events that were counted in no period, or in two": """
        SELECT abs((SELECT coalesce(sum(event_count), 0) FROM activity_counts) - (
            SELECT count(*) FROM activity_events
            WHERE recorded_at < (SELECT counted_until FROM activity_counting)))""",
    "work sessions that still run": "SELECT count(*) FROM work_sessions WHERE time_ms IS NULL",
}


# What a client knows it by, and what else it was answered.
_STORED = {
    "visits": "SELECT user_id, number FROM visits",
    "beats": "SELECT id, event_time FROM heartbeats",
    "events": """
        SELECT coalesce(event_id, 'nobody'), recorded_at
        FROM activity_events LEFT JOIN activity_event_ids USING (recorded_at, id)""",
    "sessions": "SELECT name, id FROM work_sessions",
}
_STATES = """
SELECT ingestion_id, state FROM ingestions UNION ALL SELECT report_id, state FROM reports
"""
_POLLS = """
SELECT split_part(s.store_id, '-', 1) AS file, count(*) AS polls
FROM observations o JOIN stores s ON s.id = o.store WHERE s.feed = 'polled' GROUP BY 1
"""


async def find_problems(url: str, home: Path, ledger: Ledger) -> list[str]:
    """Return what is wrong in the database and in its data folder, a line each."""
    connection = await asyncpg.connect(url)
    try:
        found = list(ledger.wrong)
        for what, query in _NEVER.items():
            if count := await connection.fetchval(query):
                found.append(f"{count} {what}")
        for kind, query in _STORED.items():
            stored = [_pair(row) for row in await connection.fetch(query)]
            found += _compare(kind, stored, getattr(ledger, kind))
        states = dict(await connection.fetch(_STATES))
        found += _lost_jobs(states, ledger)
        found += _lost_polls(states, dict(await connection.fetch(_POLLS)), ledger)
        # A file that was still arriving when its server was killed goes after an hour.
        uploads = {Path(path) for (path,) in await connection.fetch("SELECT path FROM ingestions")}
        left = [*(path for path in uploads if path.exists()), *home.glob("days-*")]
        return [*found, *(f"{path} is left" for path in left)]
    finally:
        await connection.close()


async def count_given_up(url: str) -> Counter[str]:
    """Return how many reports and uploads failed because each of their attempts was hit."""
    connection = await asyncpg.connect(url)
    try:
        failed = await connection.fetch(f"SELECT kind FROM ({_FAILED}) AS failed")
        return Counter(kind for (kind,) in failed)
    finally:
        await connection.close()


def _pair(row: asyncpg.Record) -> tuple[Any, Any]:
    """Return a stored row as the ledger has it."""
    name, *values = (iso(value) if isinstance(value, datetime) else value for value in row)
    return name, values[0] if len(values) == 1 else tuple(values)


def _compare(
    kind: str, stored: list[tuple[Any, Any]], acknowledged: Mapping[Any, object]
) -> Iterator[str]:
    """Yield what differs. Only visits may be stored without their client's knowledge."""
    known = dict(stored)
    if len(known) < len(stored):
        yield f"{len(stored) - len(known)} {kind} are stored twice"
    if lost := acknowledged.keys() - known.keys():
        yield f"{len(lost)} acknowledged {kind} are lost: {sorted(lost)[:3]}"
    if other := [name for name in acknowledged.keys() & known if acknowledged[name] != known[name]]:
        yield f"{len(other)} {kind} are stored otherwise than they were answered: {other[:3]}"
    if kind != "visits" and (more := known.keys() - acknowledged.keys()):
        yield f"{len(more)} {kind} nobody sent: {sorted(more)[:3]}"


def _lost_jobs(states: Mapping[str, str], ledger: Ledger) -> Iterator[str]:
    acknowledged = [*ledger.uploads, *ledger.reports]
    if lost := [name for name in acknowledged if name not in states]:
        yield f"{len(lost)} acknowledged uploads and reports are lost: {lost[:3]}"


def _lost_polls(
    states: Mapping[str, str], polls: Mapping[str, int], ledger: Ledger
) -> Iterator[str]:
    """Yield files of which not all polls of an upload are there that is complete."""
    expected: dict[int, int] = {}
    for ingestion_id, (file, rows) in ledger.uploads.items():
        if states.get(ingestion_id) == "complete":
            expected[file] = max(rows, expected.get(file, 0))
    for file, rows in expected.items():
        if polls.get(str(file), 0) < rows:
            yield f"file {file}: {polls.get(str(file), 0)} polls are left of {rows}"
