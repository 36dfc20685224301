"""The stores whose last week is worse or better than in an earlier report."""

from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

# A change counts where the percentages differ as pages write them, in tenths rounded down, and by
# at least half of a tenth: 43.699 to 43.701 % is none, and neither is 43.71 to 43.77 %.
_CHANGES = text("""
WITH both_reports AS MATERIALIZED (
    SELECT store, CASE WHEN 1000 * up / open <> 1000 * up_before / open_before
                  THEN up::float8 / open - up_before::float8 / open_before ELSE 0 END AS change
    FROM (
        SELECT r.store, r.open[3] AS open, r.up[3] AS up,
               b.open[3] AS open_before, b.up[3] AS up_before
        FROM report_rows r JOIN report_rows b ON b.store = r.store AND b.report = :before
        WHERE r.report = :report AND r.known AND b.known
          AND NOT EXISTS (SELECT FROM stores s WHERE s.id = r.store AND s.feed = 'beating')
        OFFSET 0  -- each element of an array is read once
    ) AS of_stores
    WHERE open > 0 AND open_before > 0
), counted AS (
    SELECT count(*) AS stores, count(*) FILTER (WHERE change <= -0.0005) AS worse,
           count(*) FILTER (WHERE change >= 0.0005) AS better
    FROM both_reports
), shown AS (
    (SELECT * FROM both_reports ORDER BY change, store LIMIT :limit)
    UNION (SELECT * FROM both_reports ORDER BY change DESC, store LIMIT :limit)
)
SELECT counted.*, change, s.store_id,
       r.open[3] AS open, r.up[3] AS up, r.p05[3] AS p05, r.p95[3] AS p95,
       b.open[3] AS open_before, b.up[3] AS up_before,
       b.p05[3] AS p05_before, b.p95[3] AS p95_before
FROM counted, shown JOIN stores s ON s.id = shown.store
     JOIN report_rows r ON r.store = s.id AND r.report = :report
     JOIN report_rows b ON b.store = s.id AND b.report = :before
ORDER BY change, s.store_id
""")


class WeeklyChanges(NamedTuple):
    """Counts of the polled stores that both reports know, and of those worse and better.

    `fell` and `rose` are the rows of those that changed the most.
    """

    stores: int
    worse: int
    better: int
    fell: list[Row[Any]]
    rose: list[Row[Any]]


async def weekly_changes(
    connection: AsyncConnection, report: int, before: int, limit: int
) -> WeeklyChanges | None:
    """Return how the stores' weekly uptime changed between two reports of the default windows.

    None if there is no store that both know.
    """
    values = {"report": report, "before": before, "limit": limit}
    rows = list((await connection.execute(_CHANGES, values)).all())
    if not rows:
        return None
    fell = [row for row in rows if row.change <= -0.0005][:limit]
    rose = [row for row in reversed(rows) if row.change >= 0.0005][:limit]
    return WeeklyChanges(rows[0].stores, rows[0].worse, rows[0].better, fell, rose)
