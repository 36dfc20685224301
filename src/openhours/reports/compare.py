"""Two complete reports compared: stores whose figures, as they are written, are not the same."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.agent.names import PREFIX
from openhours.api.off_loop import off_loop
from openhours.errors import invalid
from openhours.reports.causes import CAUSES, Rows, Spans, causes_of
from openhours.reports.downloads import removed, stores_a_page, two_at_a_time
from openhours.reports.layouts import unit_of
from openhours.reports.queries import find_complete_report, read_rows, row_stores
from openhours.reports.rows import compared_types
from openhours.reports.tables import Report
from openhours.reports.tabular import hundredths
from openhours.reports.windows import windows_of
from openhours.stores.tables import BEATING, POLLED, Correction
from openhours.times import to_us
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.windows import Window


class CommonWindow(NamedTuple):
    """A window that both reports have under one name, and its place in each."""

    window: Window
    in_a: int
    in_b: int


@dataclass(frozen=True)
class Pair:
    """Two complete reports, a before b, with the windows that they have in common."""

    a: Report
    b: Report
    windows: Sequence[CommonWindow]
    spans: Spans


@dataclass(frozen=True)
class Figures:
    """Figures of n stores in m windows, (n, m) each, in hundredths of the windows' units.

    They mean nothing for stores that are not known (n,). `share` is uptime unrounded, of open time;
    NaN where there is none.
    """

    up: Int64
    down: Int64
    share: NDArray[np.float64]
    known: Bool


@dataclass(frozen=True)
class Difference:
    """Stores (n,) of which a figure is not the same; what changed is (n, CAUSES)."""

    store_pks: Int64
    store_ids: Sequence[str]
    a: Figures
    b: Figures
    causes: Bool


@dataclass(frozen=True)
class Stores:
    """Stores that both reports have rows of, sorted by store_id, and how many only one has."""

    pks: Int64
    ids: Sequence[str]
    only_a: int
    only_b: int


async def find_pair(engine: AsyncEngine, a: str, b: str) -> Pair:
    """Return two reports that can be compared, by their ids.

    Raise NotFound; Conflict for one that is not complete; Invalid without a window in common.
    """
    return await pair_of(engine, *[await find_complete_report(engine, one) for one in (a, b)])


async def pair_of(engine: AsyncEngine, a: Report, b: Report) -> Pair:
    """Return two complete reports as a pair; raise Invalid without a window in common."""
    windows = common_windows(a, b)
    if not windows:
        raise invalid("the reports have no window of the same name", "path", "b")
    ids = [*a.corrections, *b.corrections]
    query = select(Correction.correction_id, Correction.from_at, Correction.to_at)
    async with engine.connect() as connection:
        found = await connection.execute(query.where(Correction.correction_id.in_(ids)))
    spans = {row.correction_id: (to_us(row.from_at), to_us(row.to_at)) for row in found}
    return Pair(a, b, windows, spans)


def common_windows(a: Report, b: Report) -> list[CommonWindow]:
    """Return the windows that both reports have under the same name, in the order of a."""
    places = {window.name: place for place, window in enumerate(windows_of(b))}
    return [
        CommonWindow(window, place, places[window.name])
        for place, window in enumerate(windows_of(a))
        if window.name in places
    ]


async def common_stores(engine: AsyncEngine, pair: Pair) -> Stores:
    """Return the stores of which both reports have a row; raise NotFound if one was removed."""
    async with two_at_a_time():
        pks_a, ids = await row_stores(engine, pair.a.id)
        pks_b, _ = await row_stores(engine, pair.b.id)
    if (len(pks_a), len(pks_b)) != (pair.a.row_count, pair.b.row_count):
        raise removed()

    def both() -> Stores:
        places = np.flatnonzero(np.isin(pks_a, pks_b))
        common = [ids[place] for place in places.tolist()]
        return Stores(pks_a[places], common, len(pks_a) - len(places), len(pks_b) - len(places))

    return await off_loop(both)


async def differences(
    engine: AsyncEngine, pair: Pair, store_pks: Int64, store_ids: Sequence[str]
) -> AsyncIterator[Difference]:
    """Yield those of some stores whose figures are not the same, a page at a time.

    Raise NotFound if a report is removed meanwhile.
    """
    size = stores_a_page(max(len(pair.a.windows), len(pair.b.windows)))
    for start in range(0, len(store_pks), size):
        page = slice(start, start + size)
        pks = store_pks[page]
        async with two_at_a_time():
            rows_a, rows_b = [
                await read_rows(engine, report, pks, compared_types(report))
                for report in (pair.a, pair.b)
            ]
        if min(len(rows_a["known"]), len(rows_b["known"])) < len(pks):
            raise removed()
        yield await off_loop(_compare, pair, pks, store_ids[page], rows_a, rows_b)


def _compare(pair: Pair, pks: Int64, ids: Sequence[str], rows_a: Rows, rows_b: Rows) -> Difference:
    a = _figures(rows_a, [one.in_a for one in pair.windows], pair.windows)
    b = _figures(rows_b, [one.in_b for one in pair.windows], pair.windows)
    written = (a.up != b.up).any(axis=1) | (a.down != b.down).any(axis=1)
    differ = np.flatnonzero((a.known != b.known) | (a.known & written))
    some_ids = [ids[place] for place in differ.tolist()]
    beats = np.array([store_id.startswith(PREFIX) for store_id in some_ids], np.bool_)
    causes = np.zeros((len(differ), len(CAUSES)), np.bool_)
    for feed, of_feed in ((POLLED, ~beats), (BEATING, beats)):
        if of_feed.any():
            of = differ[of_feed]
            causes[of_feed] = causes_of(
                pair.a, pair.b, feed, _some(rows_a, of), _some(rows_b, of), pair.spans
            )
    return Difference(pks[differ], some_ids, _of(a, differ), _of(b, differ), causes)


def _figures(rows: Rows, places: list[int], windows: Sequence[CommonWindow]) -> Figures:
    units = np.array([unit_of(one.window)[0] for one in windows], np.int64)
    up, opened = rows["up"][:, places], rows["open"][:, places]
    told = rows["known"][:, np.newaxis] & (opened > 0)
    share = np.where(told, up / np.maximum(opened, 1), np.nan)
    return Figures(hundredths(up, units), hundredths(opened - up, units), share, rows["known"])


def _of(figures: Figures, some: NDArray[np.intp]) -> Figures:
    return Figures(figures.up[some], figures.down[some], figures.share[some], figures.known[some])


def _some(rows: Rows, some: NDArray[np.intp]) -> Rows:
    return {name: column[some] for name, column in rows.items()}


def option_changes(a: Report, b: Report) -> dict[str, tuple[Any, Any]]:
    """Return the options and settings that are not the same, each with both values."""
    names = (
        "as_of_polled",
        "as_of_beating",
        "interpolation",
        "calendar_timezone",
        "lookback_days",
        "heartbeat_expiry_seconds",
        "observed_within_minutes",
        "default_timezone",
        "labels",
    )
    values = {name: (getattr(a, name), getattr(b, name)) for name in names}
    values["windows"] = (_names(a), _names(b))
    values["stores_asked"] = (_asked(a), _asked(b))
    return {name: both for name, both in values.items() if both[0] != both[1]}


def _names(report: Report) -> list[str]:
    return [window.name for window in windows_of(report)]


def _asked(report: Report) -> int | None:
    return None if report.stores is None else len(report.stores)
