"""Uptime by group, as pages show it: the groups of a label key, the worst first."""

from typing import Annotated, NamedTuple

from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.fields import Text
from openhours.errors import located
from openhours.reports.group_tables import GroupFigures, check_key, grouping_keys, worst_groups
from openhours.reports.tables import Report
from openhours.stores.labels import MAX_LENGTH, values_in_use

GroupBy = Annotated[Text | None, Query(max_length=MAX_LENGTH)]


class Groups(NamedTuple):
    """The worst groups by `key`, one of `keys`; `more` is how many others there are.

    `in_use` are the values that stores have at present.
    """

    keys: list[str]
    key: str
    rows: list[GroupFigures]
    more: int
    in_use: set[str]


async def find_groups(
    connection: AsyncConnection, report: Report, key: str | None, window: int, limit: int
) -> Groups | None:
    """Return the groups of a report in a window; None if its stores have no labels.

    Without a key: by the first one. `window` is its position in the report. Raise Invalid for an
    unknown key.
    """
    keys = await grouping_keys(connection, report)
    if not keys:
        return None
    if key is None:
        key = keys[0]
    with located("query", "group_by"):
        check_key(keys, key)
    rows = await worst_groups(connection, report, key, window, limit)
    in_use = await values_in_use(connection, key, [row.value for row in rows])
    return Groups(keys, key, rows, report.groups[key] - len(rows), in_use)
