"""Stores with their figures in a report: searched, sorted, counted. PCs are counted apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Double,
    Row,
    Select,
    case,
    cast,
    false,
    func,
    outerjoin,
    select,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.reports.downloads import removed
from openhours.reports.tables import Report, ReportRow
from openhours.stores.search import STORE_NAME, StoreSearch
from openhours.stores.tables import BEATING, POLLED, Store
from openhours.times import MINUTE
from openhours.uptime.intervals.verdicts import NAMES
from openhours.uptime.tallies import Counts, bins_of, counts_of
from openhours.web.windows import DAY, DEFAULTS, WEEK, PageWindow

State = Literal["", "down", "up", "partly", "throughout", "closed", "unknown"]
Verdict = Literal["", "met", "missed", "cannot_tell"]
Sort = Literal["down", "percent", "id"]
# Shares of open time, as `uptime.tallies` counts them.
BINS = (*(f"{low}-{low + 5}" for low in range(0, 100, 5)), "100")
PAGE = 50


@dataclass(frozen=True)
class Search(StoreSearch):
    """Search for stores by their figures in a window (a position from 0), and their order.

    `timezone` is that of the store, or `default_timezone` if it has none; `uptime` is one of
    `BINS`; `down_over` is in minutes.
    """

    timezone: str = ""
    default_timezone: str = ""
    window: int = WEEK.position
    state: State = ""
    verdict: Verdict = ""
    uptime: str = ""
    down_over: float | None = None
    sort: Sort = "id"
    descending: bool = False

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on rows of `stores` with those of a report."""
        condition = super().condition()
        opened, up = self.figures()
        known = ReportRow.known
        if self.timezone:
            condition &= func.coalesce(Store.timezone, self.default_timezone) == self.timezone
        if self.state:
            states: Mapping[State, ColumnElement[bool]] = {
                "down": known & (up < opened),
                "up": known & (opened > 0) & (up == opened),
                "partly": known & (up > 0) & (up < opened),
                "throughout": known & (up == 0) & (opened > 0),
                "closed": known & (opened == 0),
                "unknown": ~known,
            }
            condition &= states[self.state]
        if self.verdict:
            condition &= ReportRow.verdict[self.window + 1] == NAMES.index(self.verdict)
        if self.uptime:
            condition &= known & (case((opened > 0, 20 * up // opened)) == BINS.index(self.uptime))
        if self.down_over is not None:
            condition &= known & (opened - up > int(self.down_over * MINUTE))
        return condition

    def order(self) -> tuple[ColumnElement[Any], ...]:
        """Return the order of the rows; by figures, PCs come after all stores."""
        if self.sort == "id":
            return (Store.store_id.desc() if self.descending else Store.store_id.asc(),)
        opened, up = self.figures()
        figure = case((ReportRow.known, opened - up))
        if self.sort == "percent":
            figure = case((ReportRow.known & (opened > 0), cast(up, Double) / cast(opened, Double)))
        is_pc = func.coalesce(Store.feed == BEATING, false())
        by_figure = figure.desc() if self.descending else figure.asc()
        return is_pc, by_figure.nulls_last(), Store.store_id.asc()

    def figures(self) -> tuple[ColumnElement[int], ColumnElement[int]]:
        """Return open time and uptime in the window, µs."""
        return ReportRow.open[self.window + 1], ReportRow.up[self.window + 1]


class Found(NamedTuple):
    """How many stores match, and those of a page."""

    total: int
    rows: list[Row[Any]]


def _columns(windows: Sequence[PageWindow]) -> list[Any]:
    """Return what pages show of a store; of its figures, an element for each of these windows."""
    figures = (ReportRow.open, ReportRow.up, ReportRow.p05, ReportRow.p95, ReportRow.verdict)
    places = [window.position + 1 for window in windows]
    return [
        *(Store.store_id, STORE_NAME, Store.feed, Store.timezone),
        ReportRow.known,
        ReportRow.target,
        *(array([of[n] for n in places]).label(of.key) for of in figures),
    ]


def matching(
    report: Report | None, search: Search, columns: Sequence[Any]
) -> Select[tuple[Any, ...]]:
    """Return the query for these columns of the stores that match, in order.

    Those of `ReportRow` are null for stores without a row in the report. A report of some stores
    leaves all others out.
    """
    which = _which(report, search)
    return select(*columns).select_from(_source(report)).where(which).order_by(*search.order())


def of_stores(
    report: Report | None, columns: Sequence[Any], store_pks: Sequence[int]
) -> Select[tuple[Any, ...]]:
    """Return the query for these columns of some stores, as in `matching`, in any order."""
    which = Store.id == func.any(list(store_pks))
    return select(*columns).select_from(_source(report)).where(which)


async def count_stores(connection: AsyncConnection, report: Report | None, search: Search) -> int:
    """Return how many stores match."""
    query = select(func.count()).select_from(_source(report)).where(_which(report, search))
    return (await connection.execute(query)).scalar_one()


async def find_stores(
    connection: AsyncConnection,
    report: Report | None,
    search: Search,
    page: int,
    windows: Sequence[PageWindow] = DEFAULTS,
) -> Found:
    """Return one page (from 0) of the stores that match, with their figures."""
    # First which stores: else the figures of all of them are read and sorted.
    query = matching(report, search, [Store.id, func.count().over()])
    ids = (await connection.execute(query.limit(PAGE).offset(page * PAGE))).all()
    total = ids[0][1] if ids else page and await count_stores(connection, report, search)
    return Found(total, await with_figures(connection, report, [pk for pk, _ in ids], windows))


async def worst(connection: AsyncConnection, report: Report, limit: int) -> list[int]:
    """Return the database ids of the polled stores with the longest downtime in the last day."""
    search = Search(feed="polled", window=DAY.position, state="down", sort="down", descending=True)
    return list(await connection.scalars(matching(report, search, [Store.id]).limit(limit)))


async def with_figures(
    connection: AsyncConnection,
    report: Report | None,
    store_pks: Sequence[int],
    windows: Sequence[PageWindow] = DEFAULTS,
) -> list[Row[Any]]:
    """Return stores with their figures in these windows, in the order of their ids here."""
    query = of_stores(report, [Store.id, *_columns(windows)], store_pks)
    rows = {row.id: row for row in await connection.execute(query)}
    return [rows[pk] for pk in store_pks if pk in rows]


def _source(report: Report | None) -> Any:
    of_report = (ReportRow.store == Store.id) & (ReportRow.report == (report.id if report else 0))
    return outerjoin(Store, ReportRow, of_report)


def _which(report: Report | None, search: Search) -> ColumnElement[bool]:
    condition = search.condition()
    if report is not None and (report.stores is not None or report.labels is not None):
        condition &= ReportRow.store.is_not(None)
    return condition


async def time_zones(connection: AsyncConnection, default: str) -> list[str]:
    """Return the time zones of all stores; `default` is that of those without one."""
    query = select(func.coalesce(Store.timezone, default)).distinct()
    return sorted((await connection.execute(query)).scalars())


async def check_rows(connection: AsyncConnection, report: Report) -> None:
    """Raise NotFound if the report was removed meanwhile: its rows go with it."""
    rows = select(ReportRow.store).where(ReportRow.report == report.id).limit(1)
    if report.row_count and (await connection.execute(rows)).first() is None:
        raise removed()


def counts(report: Report, windows: Sequence[int]) -> dict[str, list[Counts]]:
    """Return, by feed, for each of these windows how many stores were up, down … in a report.

    And sums in µs. Windows are positions. Polled stores come first; a feed without any store is not
    there.
    """
    tallies = report.tallies or {}
    return {
        feed: [counts_of(tallies[feed][window]) for window in windows]
        for feed in (POLLED, BEATING)
        if feed in tallies
    }


def distribution(report: Report, window: int, feed: str) -> Sequence[int]:
    """Return how many stores of a feed have an uptime in each of `BINS`, in the window there."""
    tallies = report.tallies or {}
    return bins_of(tallies[feed][window]) if feed in tallies else [0] * len(BINS)
