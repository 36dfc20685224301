"""The groups of a complete report: as a table, and in a window, for a page."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.off_loop import off_loop
from openhours.db.engine import raw_connection
from openhours.errors import invalid
from openhours.reports.downloads import removed
from openhours.reports.tables import Report, ReportGroups
from openhours.reports.tabular import Heading, Table, figure, rounded
from openhours.reports.windows import windows_of
from openhours.stores.labels import NAME
from openhours.times import HOUR
from openhours.uptime.intervals.verdicts import MET, NAMES
from openhours.uptime.windows import Window

# How many stores have which, in their order in the database.
_VERDICTS = NAMES[MET:]


def group_table(engine: AsyncEngine, report: Report, key: str, full: bool) -> Table:
    """Return the groups of a report by a label key, by value bytewise, without one last.

    `full` adds counts of verdicts, if it has any. Raise Invalid, without a path, for a key by which
    it has none.
    """
    check_key(report.groups, key)
    windows = windows_of(report)
    headings = _headings(key, windows, full and report.verdicts)
    return Table(headings, report.groups[key], _pages(engine, report, key, headings))


def check_key(keys: Collection[str], key: str) -> None:
    """Raise Invalid, without a path, for a label that is not among these."""
    if key not in keys:
        known = ", ".join(sorted(keys))
        raise invalid(f"unknown label: {key}" + (f"; there are {known}" if known else ""))


def _headings(key: str, windows: Sequence[Window], verdicts: bool) -> list[Heading]:
    others = _counts("stores", "unknown_stores")
    for name in (window.name for window in windows):
        others += [figure(f"{what}_{name}", "in hours") for what in ("open", "uptime", "downtime")]
        others.append(Heading(f"uptime_percent_{name}", f"uptime_{name}(in percent)", "figure"))
    if verdicts:
        for window in windows:
            others += _counts(*(f"{verdict}_{window.name}" for verdict in _VERDICTS))
    # A label may be called stores.
    taken = {text for heading in others for text in (heading.name, heading.title)}
    label = f"{key}_" if key in taken else key
    return [Heading(label, label, "text"), *others]


def _counts(*names: str) -> list[Heading]:
    return [Heading(name, name, "count") for name in names]


async def _pages(
    engine: AsyncEngine, report: Report, key: str, headings: Sequence[Heading]
) -> AsyncIterator[pd.DataFrame]:
    """Yield the groups, a row of the database at a time. Raise NotFound if they are removed."""
    # Raw, for SQLAlchemy would look at each number.
    query = """
        SELECT row, values, stores, unknown_stores, open, up, verdicts FROM report_groups
        WHERE report = $1 AND key = $2 AND row > $3 ORDER BY row LIMIT 1
    """
    row, left = 0, report.groups[key]
    while left:
        async with engine.connect() as connection:
            raw = await raw_connection(connection)
            found = await raw.fetchrow(query, report.id, key, row)
        if found is None:
            raise removed()
        row, values, *numbers = found.values()
        left -= len(values)
        yield await off_loop(_frame, values, numbers, headings)


def _frame(values: list[str], numbers: Sequence[Any], headings: Sequence[Heading]) -> pd.DataFrame:
    stores, unknown, opened, up, verdicts = (np.array(column or [], np.int64) for column in numbers)
    columns: list[Any] = [values, stores, unknown]
    for n in range(opened.shape[1]):
        # Python's integers: hundredths of a fleet's years are more than 64 bits hold.
        whole, part = opened[:, n].astype(object), up[:, n].astype(object)
        columns += [rounded(us, HOUR) for us in (whole, part, whole - part)]
        share = rounded(part * 100, np.where(whole == 0, 1, whole))
        columns.append(np.where(whole == 0, np.nan, share))
    names = [heading.name for heading in headings]
    if len(names) > len(columns):
        # All windows of one verdict, then of the next -> all verdicts of one window.
        of_windows = verdicts.reshape(len(values), len(_VERDICTS), -1).transpose(2, 1, 0)
        columns += list(of_windows.reshape(-1, len(values)))
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


class GroupFigures(NamedTuple):
    """A group in a window: `open` and `up` in µs, of its known stores; `value` "": without one."""

    value: str
    stores: int
    unknown_stores: int
    open: int
    up: int


async def grouping_keys(connection: AsyncConnection, report: Report) -> list[str]:
    """Return the label keys that stores of a report have, in bytewise order, without their name."""
    # Of a key that none of them has, the only group is the stores without one.
    query = select(ReportGroups.key).where(
        ReportGroups.report == report.id,
        ReportGroups.row == 1,
        ReportGroups.values != [""],
        ReportGroups.key != NAME,
    )
    return list(await connection.scalars(query.order_by(ReportGroups.key)))


async def worst_groups(
    connection: AsyncConnection, report: Report, key: str, window: int, limit: int
) -> list[GroupFigures]:
    """Return the groups with the lowest uptime in a window, so many at most.

    After those with open time come the closed, then the unknown ones, and last, beyond the limit,
    the stores without the label. `window` is its position in the report.
    """
    # Raw, for SQLAlchemy would look at each number.
    raw = await raw_connection(connection)
    rows = await raw.fetch(
        """
        SELECT values, stores, unknown_stores, open[1:cardinality(values)][$3:$3] AS open,
               up[1:cardinality(values)][$3:$3] AS up
        FROM report_groups WHERE report = $1 AND key = $2 ORDER BY row
        """,
        report.id,
        key,
        window + 1,
    )
    return await off_loop(_worst, rows, limit)


def _worst(rows: Sequence[Mapping[str, Any]], limit: int) -> list[GroupFigures]:
    groups = [
        GroupFigures(value, stores, unknown, opened, up)
        for row in rows
        for value, stores, unknown, [opened], [up] in zip(*row.values(), strict=True)
    ]
    named = [group for group in groups if group.value]
    return sorted(named, key=_rank)[:limit] + [group for group in groups if not group.value]


def _rank(group: GroupFigures) -> tuple[bool, bool, float, int]:
    share = group.up / group.open if group.open else 0.0
    unknown = group.unknown_stores == group.stores
    return unknown, not group.open, share, group.up - group.open
