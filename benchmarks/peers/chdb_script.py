"""The default report as a chdb script: polls in a table sorted by store, figures in a CSV file.

It keeps nothing and knows no rejected rows. ClickHouse takes no time zone from a column, so Python
has put the openings into a table before; a local time that a clock change skips is where Python
puts it, not where openhours has it.
"""

import csv
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from chdb.session import Session

_SECOND = 1_000_000

_POLLS = """
CREATE OR REPLACE TABLE polls (store_id String, seen Int64, up Bool)
ENGINE = MergeTree ORDER BY (store_id, seen)
"""

_LOAD_POLLS = """
INSERT INTO polls
SELECT store_id, toUnixTimestamp64Micro(parseDateTime64BestEffort(timestamp_utc, 6, 'UTC')),
    status = 'active'
FROM file('{}', CSVWithNames, 'store_id String, status String, timestamp_utc String')
"""

_OPEN = """
CREATE OR REPLACE TABLE open (store_id String, starts Int64, ends Int64)
ENGINE = MergeTree ORDER BY (store_id, starts)
"""

_REPORT = """
WITH (SELECT max(seen) FROM polls) AS now,
3600000000 AS hour,
counted AS MATERIALIZED (
    SELECT p.store_id AS store_id, o.starts AS starts, least(o.ends, now) AS ends, seen, up
    FROM (SELECT * FROM polls WHERE seen >= now - 336 * hour) AS p
    ASOF JOIN open AS o ON p.store_id = o.store_id AND p.seen >= o.starts
    WHERE seen < o.ends
),
observed AS (
    SELECT store_id, up,
        if(nth = 1, starts, seen - intDiv(seen - earlier, 2)) AS starts,
        if(nth = polls, ends, seen + intDiv(later - seen, 2)) AS ends
    FROM (
        SELECT *, row_number() OVER w AS nth, count() OVER w AS polls,
            lagInFrame(seen) OVER w AS earlier, leadInFrame(seen) OVER w AS later
        FROM counted
        WINDOW w AS (PARTITION BY store_id, starts ORDER BY seen
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
),
-- An opening without a poll has the status of the last poll before it, else of the first after it.
silent AS (
    SELECT store_id, starts, least(ends, now) AS ends
    FROM open LEFT ANTI JOIN counted USING (store_id, starts) WHERE open.ends > now - 168 * hour
),
filled AS (
    SELECT s.store_id AS store_id, assumeNotNull(ifNull(b.up, l.up)) AS up,
        s.starts AS starts, s.ends AS ends
    FROM silent AS s
    ASOF LEFT JOIN counted AS b ON s.store_id = b.store_id AND s.starts > b.seen
    ASOF LEFT JOIN counted AS l ON s.store_id = l.store_id AND s.starts < l.seen
    WHERE ifNull(b.up, l.up) IS NOT NULL
    SETTINGS join_use_nulls = 1
),
parts AS (
    SELECT store_id, up, ends,
        ends - greatest(starts, now - hour) AS of_hour,
        ends - greatest(starts, now - 24 * hour) AS of_day,
        ends - greatest(starts, now - 168 * hour) AS of_week
    FROM (SELECT * FROM observed UNION ALL SELECT * FROM filled)
    WHERE ends > now - 168 * hour
),
figures AS (
    SELECT store_id,
        sumIf(greatest(of_hour, 0), up) AS up_hour,
        sumIf(greatest(of_day, 0), up) AS up_day,
        sumIf(of_week, up) AS up_week,
        sumIf(greatest(of_hour, 0), NOT up) AS down_hour,
        sumIf(greatest(of_day, 0), NOT up) AS down_day,
        sumIf(of_week, NOT up) AS down_week
    FROM parts GROUP BY store_id
),
known AS (SELECT DISTINCT store_id FROM counted)
SELECT store_id,
    if(blank, NULL, round(ifNull(up_hour, 0) / 60e6, 2)) AS "uptime_last_hour(in minutes)",
    if(blank, NULL, round(ifNull(up_day, 0) / 3600e6, 2)) AS "uptime_last_day(in hours)",
    if(blank, NULL, round(ifNull(up_week, 0) / 3600e6, 2)) AS "uptime_last_week(in hours)",
    if(blank, NULL, round(ifNull(down_hour, 0) / 60e6, 2)) AS "downtime_last_hour(in minutes)",
    if(blank, NULL, round(ifNull(down_day, 0) / 3600e6, 2)) AS "downtime_last_day(in hours)",
    if(blank, NULL, round(ifNull(down_week, 0) / 3600e6, 2)) AS "downtime_last_week(in hours)"
FROM (SELECT DISTINCT store_id, store_id NOT IN known AS blank FROM polls) AS stores
LEFT JOIN figures USING (store_id)
ORDER BY store_id
SETTINGS format_csv_null_representation = ''
"""


def load_polls(session: Session, status: Path) -> None:
    """Read a status CSV into the table of polls, which is sorted by store."""
    session.query(_POLLS)
    session.query(_LOAD_POLLS.format(status))


def load(status: Path, hours: Path, timezones: Path) -> Session:
    """Return a database in a temporary folder, with the polls and when the stores are open."""
    session = Session()
    session.query("CREATE DATABASE bench")
    session.query("USE bench")
    load_polls(session, status)
    session.query(_OPEN)
    newest = int(str(session.query("SELECT max(seen) FROM polls")))
    stores = str(session.query("SELECT DISTINCT store_id FROM polls", "TabSeparated")).split()
    openings = status.with_name("openings.csv")
    _write_openings(openings, stores, hours, timezones, newest)
    session.query(
        f"INSERT INTO open SELECT * FROM file('{openings}', CSV,"
        " 'store_id String, starts Int64, ends Int64')"
    )
    return session


def report(session: Session, out: Path) -> None:
    """Write the default report as CSV."""
    out.write_bytes(session.query(_REPORT, "CSVWithNames").bytes())


def _write_openings(
    out: Path, stores: list[str], hours: Path, timezones: Path, newest: int
) -> None:
    with timezones.open() as file:
        zones = {row["store_id"]: row["timezone_str"] for row in csv.DictReader(file)}
    weekly = defaultdict(list)
    with hours.open() as file:
        for row in csv.DictReader(file):
            opens, closes = (row[f"{name}_time_local"] for name in ("start", "end"))
            weekly[row["store_id"]].append((int(row["day"]), opens, closes))
    always = [(day, "00:00:00", "00:00:00") for day in range(7)]
    first = newest - 14 * 86_400 * _SECOND
    start = datetime.fromtimestamp(first / _SECOND, UTC).date() - timedelta(days=2)
    with out.open("w", newline="") as file:
        write = csv.writer(file).writerow
        for store in stores:
            zone = zones.get(store, "America/Chicago")
            spans = sorted(
                (_us(date, opens, zone), _end(date, opens, closes, zone))
                for day, opens, closes in weekly.get(store, always)
                for date in (start + timedelta(days=n) for n in range(19))
                if date.weekday() == day
            )
            for begins, ends in _union(spans):
                if begins <= newest and ends > first:
                    write((store, begins, ends))


def _end(day: date, opens: str, closes: str, zone: str) -> int:
    if closes >= "23:59":
        return _us(day + timedelta(days=1), "00:00:00", zone)
    return _us(day + timedelta(days=closes <= opens), closes, zone)


_known: dict[tuple[date, str, str], int] = {}


def _us(day: date, at: str, zone: str) -> int:
    key = day, at, zone
    if key not in _known:
        local = datetime.combine(day, time.fromisoformat(at), ZoneInfo(zone))
        _known[key] = int(local.timestamp()) * _SECOND
    return _known[key]


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begins, ends in spans:
        if begins >= ends:
            continue
        if found and begins <= found[-1][1]:
            found[-1] = found[-1][0], max(ends, found[-1][1])
        else:
            found.append((begins, ends))
    return found
