"""The default report as a DuckDB script: polls in a table sorted by store, figures in a CSV file.

It keeps nothing, knows no rejected rows, and takes a zone's clock changes from ICU: a local time
that a change skips or repeats is not where openhours has it.
"""

from pathlib import Path

import duckdb

LOAD_POLLS = """
CREATE OR REPLACE TABLE polls AS
SELECT store_id, timestamp_utc::TIMESTAMPTZ AT TIME ZONE 'UTC' AS seen, status = 'active' AS up
FROM read_csv($status, header = true, types = {'store_id': 'VARCHAR', 'timestamp_utc': 'VARCHAR'})
"""

SORT_POLLS = "CREATE OR REPLACE TABLE polls AS FROM polls ORDER BY store_id, seen"

LOAD_HOURS = """
CREATE OR REPLACE TABLE hours AS
SELECT store_id, day, start_time_local AS opens, end_time_local AS closes
FROM read_csv($hours, header = true, types = {
    'store_id': 'VARCHAR', 'day': 'INTEGER', 'start_time_local': 'TIME', 'end_time_local': 'TIME'
})
"""

LOAD_ZONES = """
CREATE OR REPLACE TABLE zones AS
SELECT store_id, timezone_str AS zone
FROM read_csv($timezones, header = true, types = {'store_id': 'VARCHAR'})
"""

REPORT = """
WITH clock AS MATERIALIZED (
    SELECT max(seen) AS now, max(seen) - INTERVAL 14 DAY AS first FROM polls
),
stores AS MATERIALIZED (
    SELECT store_id, coalesce(zone, 'America/Chicago') AS zone
    FROM (SELECT DISTINCT store_id FROM polls) LEFT JOIN zones USING (store_id)
),
weekly AS (
    SELECT store_id, zone, day, opens, closes FROM stores JOIN hours USING (store_id)
    UNION ALL
    SELECT store_id, zone, day, TIME '00:00', TIME '00:00'
    FROM stores ANTI JOIN hours USING (store_id), range(7) days(day)
),
dates AS (
    SELECT first::DATE + n::INTEGER - 2 AS date, isodow(first::DATE + n::INTEGER - 2) - 1 AS day
    FROM clock, range(19) numbers(n)
),
-- Of each pattern of a zone once: few stores have hours of their own.
patterns AS MATERIALIZED (
    SELECT zone, day, opens, closes,
        timezone('UTC', timezone(zone, date + opens)) AS starts,
        timezone('UTC', timezone(zone, CASE
            WHEN closes >= TIME '23:59' THEN date + INTERVAL 1 DAY
            WHEN closes <= opens THEN date + closes + INTERVAL 1 DAY
            ELSE date + closes END)) AS ends
    FROM (SELECT DISTINCT zone, day, opens, closes FROM weekly) JOIN dates USING (day)
),
spans AS (
    SELECT store_id, starts, ends
    FROM weekly JOIN patterns USING (zone, day, opens, closes), clock
    WHERE ends > first AND starts <= now AND starts < ends
),
open AS MATERIALIZED (
    SELECT store_id, min(starts) AS starts, max(ends) AS ends
    FROM (
        SELECT *, sum(begins) OVER (PARTITION BY store_id ORDER BY starts, ends) AS island
        FROM (
            SELECT *, coalesce(starts > max(ends) OVER (
                PARTITION BY store_id ORDER BY starts, ends
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true)::INTEGER AS begins
            FROM spans
        )
    )
    GROUP BY store_id, island
),
counted AS MATERIALIZED (
    SELECT recent.store_id, starts, least(ends, now) AS ends, seen, up
    FROM (SELECT polls.* FROM polls, clock WHERE seen >= first) recent
    ASOF JOIN open ON recent.store_id = open.store_id AND recent.seen >= open.starts, clock
    WHERE seen < open.ends
),
observed AS (
    SELECT store_id, up,
        CASE WHEN lag(starts) OVER w IS DISTINCT FROM starts THEN starts
            ELSE seen - (seen - lag(seen) OVER w) / 2 END AS starts,
        CASE WHEN lead(starts) OVER w IS DISTINCT FROM starts THEN ends
            ELSE seen + (lead(seen) OVER w - seen) / 2 END AS ends
    FROM counted WINDOW w AS (PARTITION BY store_id ORDER BY seen)
),
-- An opening without a poll has the status of the last poll before it, else of the first after it.
silent AS (
    SELECT store_id, starts, least(ends, now) AS ends
    FROM open ANTI JOIN counted USING (store_id, starts), clock WHERE ends > now - INTERVAL 7 DAY
),
filled AS (
    SELECT silent.store_id, coalesce(before.up, later.up) AS up, silent.starts, silent.ends
    FROM silent
    ASOF LEFT JOIN counted before
    ON silent.store_id = before.store_id AND silent.starts > before.seen
    ASOF LEFT JOIN counted later
    ON silent.store_id = later.store_id AND silent.starts < later.seen
),
parts AS (SELECT * FROM observed UNION ALL SELECT * FROM filled WHERE up IS NOT NULL),
clipped AS (
    SELECT store_id, up, epoch_us(ends) AS ends,
        greatest(epoch_us(starts), epoch_us(now - INTERVAL 1 HOUR)) AS hour,
        greatest(epoch_us(starts), epoch_us(now - INTERVAL 1 DAY)) AS day,
        greatest(epoch_us(starts), epoch_us(now - INTERVAL 7 DAY)) AS week
    FROM parts, clock WHERE ends > now - INTERVAL 7 DAY
),
figures AS (
    SELECT store_id,
        sum(greatest(ends - hour, 0)) FILTER (up) AS up_hour,
        sum(greatest(ends - day, 0)) FILTER (up) AS up_day,
        sum(ends - week) FILTER (up) AS up_week,
        sum(greatest(ends - hour, 0)) FILTER (NOT up) AS down_hour,
        sum(greatest(ends - day, 0)) FILTER (NOT up) AS down_day,
        sum(ends - week) FILTER (NOT up) AS down_week
    FROM clipped GROUP BY store_id
),
known AS (SELECT DISTINCT store_id, 0 AS zero FROM counted)
SELECT store_id,
    round(coalesce(up_hour, zero) / 60e6, 2) AS "uptime_last_hour(in minutes)",
    round(coalesce(up_day, zero) / 3600e6, 2) AS "uptime_last_day(in hours)",
    round(coalesce(up_week, zero) / 3600e6, 2) AS "uptime_last_week(in hours)",
    round(coalesce(down_hour, zero) / 60e6, 2) AS "downtime_last_hour(in minutes)",
    round(coalesce(down_day, zero) / 3600e6, 2) AS "downtime_last_day(in hours)",
    round(coalesce(down_week, zero) / 3600e6, 2) AS "downtime_last_week(in hours)"
FROM stores LEFT JOIN figures USING (store_id) LEFT JOIN known USING (store_id)
ORDER BY store_id
"""


def load_polls(connection: duckdb.DuckDBPyConnection, status: Path) -> None:
    """Read a status CSV into the table of polls."""
    connection.execute(LOAD_POLLS, {"status": str(status)})


def sort_polls(connection: duckdb.DuckDBPyConnection) -> None:
    """Sort the polls as the report reads them."""
    connection.execute(SORT_POLLS)


def load(status: Path, hours: Path, timezones: Path) -> duckdb.DuckDBPyConnection:
    """Return a database in memory with the three files, the polls sorted."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    load_polls(connection, status)
    sort_polls(connection)
    connection.execute(LOAD_HOURS, {"hours": str(hours)})
    connection.execute(LOAD_ZONES, {"timezones": str(timezones)})
    return connection


def report(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write the default report as CSV."""
    connection.execute(f"COPY ({REPORT}) TO '{out}' (FORMAT csv, HEADER)")
