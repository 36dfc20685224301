"""Two complete reports compared: stores whose figures, as they are written, are not the same."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.agent.names import PREFIX
from openhours.api.off_loop import off_loop
from openhours.errors import invalid
from openhours.reports.causes import CAUSES, Rows, Spans, causes_of
from openhours.reports.downloads import removed, stores_a_page, two_at_a_time
from openhours.reports.layouts import unit_of
from openhours.reports.queries import find_complete_report, read_rows, read_rows_after
from openhours.reports.rows import compared_types
from openhours.reports.tables import Report
from openhours.reports.tabular import hundredths
from openhours.reports.windows import windows_of
from openhours.stores.tables import BEATING, POLLED, Correction, Store
from openhours.times import to_us
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.windows import Window

# Of the type of database ids.
_MAX_ID = 2**31 - 1


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
    a: Figures
    b: Figures
    causes: Bool


@dataclass(frozen=True)
class Differing:
    """Stores (n,) of which a figure is not the same, by database id; what changed is (n, CAUSES).

    `change` (n,) is that of the share of uptime in one window, NaN where it is not in both.
    `common` counts the stores that both reports have rows of, `only_a` and `only_b` all others.
    """

    common: int
    only_a: int
    only_b: int
    pks: Int64
    causes: Bool
    change: NDArray[np.float64]


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


async def find_differing(engine: AsyncEngine, pair: Pair, place: int) -> Differing:
    """Return the stores whose figures are not the same, and how the window at `place` changed.

    Of each store no more than that is held. Raise NotFound if a report is removed meanwhile.
    """
    common, counts = 0, np.zeros(2, np.int64)
    pks, causes = [np.empty(0, np.int64)], [np.empty((0, len(CAUSES)), np.bool_)]
    changes = [np.empty(0)]
    async for rows_a, rows_b, pcs in _in_step(engine, pair):
        counts += [len(rows_a["store"]), len(rows_b["store"])]
        count, found = await off_loop(_compare_common, pair, pcs, rows_a, rows_b)
        common += count
        pks.append(found.store_pks.astype(np.int64))
        causes.append(found.causes)
        changes.append((found.b.share - found.a.share)[:, place])
    if counts.tolist() != [pair.a.row_count, pair.b.row_count]:
        raise removed()
    only_a, only_b = (counts - common).tolist()
    every = (np.concatenate(pks), np.concatenate(causes), np.concatenate(changes))
    return Differing(common, only_a, only_b, *every)


async def _in_step(engine: AsyncEngine, pair: Pair) -> AsyncIterator[tuple[Rows, Rows, Int64]]:
    """Yield rows of both reports up to the same store, and which of their stores are PCs.

    a  |--1--2-----------5|-7--          where a page of either ends, the other is cut, too
    b  |-----2--3--4-----5|6---7--9|
    """
    size, after, is_over = _stores_at_once(pair), 0, False
    while not is_over:
        async with two_at_a_time(), engine.connect() as connection:
            pages = [
                await read_rows_after(connection, report, after, size, compared_types(report))
                for report in (pair.a, pair.b)
            ]
            ends = [int(rows["store"][-1]) for rows in pages if len(rows["store"]) == size]
            is_over, until = not ends, min(ends, default=_MAX_ID)
            pcs = await _pcs(connection, Store.id.between(after + 1, until))
        rows_a, rows_b = (_some(rows, np.flatnonzero(rows["store"] <= until)) for rows in pages)
        yield rows_a, rows_b, pcs
        after = until


async def differences(
    engine: AsyncEngine, pair: Pair, store_pks: Int64
) -> AsyncIterator[Difference]:
    """Yield those of some stores of both reports whose figures are not the same, a page at a time.

    Raise NotFound if a report is removed meanwhile.
    """
    size = _stores_at_once(pair)
    for start in range(0, len(store_pks), size):
        some = store_pks[start : start + size]
        async with two_at_a_time():
            rows_a, rows_b = [
                await read_rows(engine, report, some, compared_types(report))
                for report in (pair.a, pair.b)
            ]
            async with engine.connect() as connection:
                pcs = await _pcs(connection, Store.id == func.any(some.tolist()))
        if min(len(rows_a["known"]), len(rows_b["known"])) < len(some):
            raise removed()
        yield await off_loop(_compare, pair, some, pcs, rows_a, rows_b)


def _stores_at_once(pair: Pair) -> int:
    return stores_a_page(max(len(pair.a.windows), len(pair.b.windows)))


async def _pcs(connection: AsyncConnection, which: ColumnElement[bool]) -> Int64:
    """Return the database ids of PCs among some stores."""
    query = select(Store.id).where(Store.store_id.startswith(PREFIX, autoescape=True), which)
    return np.array((await connection.scalars(query)).all(), np.int64)


def _compare_common(pair: Pair, pcs: Int64, rows_a: Rows, rows_b: Rows) -> tuple[int, Difference]:
    """Return how many stores both have rows of, and those of them that differ."""
    pks, of_a, of_b = np.intersect1d(
        rows_a["store"], rows_b["store"], assume_unique=True, return_indices=True
    )
    return len(pks), _compare(pair, pks, pcs, _some(rows_a, of_a), _some(rows_b, of_b))


def _compare(pair: Pair, pks: Int64, pcs: Int64, rows_a: Rows, rows_b: Rows) -> Difference:
    a = _figures(rows_a, [one.in_a for one in pair.windows], pair.windows)
    b = _figures(rows_b, [one.in_b for one in pair.windows], pair.windows)
    written = (a.up != b.up).any(axis=1) | (a.down != b.down).any(axis=1)
    differ = np.flatnonzero((a.known != b.known) | (a.known & written))
    beats = np.isin(pks[differ], pcs)
    causes = np.zeros((len(differ), len(CAUSES)), np.bool_)
    for feed, of_feed in ((POLLED, ~beats), (BEATING, beats)):
        if of_feed.any():
            of = differ[of_feed]
            causes[of_feed] = causes_of(
                pair.a, pair.b, feed, _some(rows_a, of), _some(rows_b, of), pair.spans
            )
    return Difference(pks[differ], _of(a, differ), _of(b, differ), causes)


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
