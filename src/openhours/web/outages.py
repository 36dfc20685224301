"""Outages as pages list them: each leads to its stretch in the week of its store."""

from typing import NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from openhours.reports.tables import Report
from openhours.times import DAY, SECOND, from_us, iso
from openhours.web import formatting

WEEK = 7 * DAY


class OutageRow(NamedTuple):
    """A line of the list; `query` is that of its store's page, `ended` None while it is ongoing."""

    store_id: str
    name: str | None
    query: str
    began: Markup
    ended: Markup | None
    downtime: str
    observations: int


def outage_row(
    store_id: str,
    name: str | None,
    *,
    began_at: int,
    ended_at: int | None,
    downtime: int,
    observations: int,
    as_of: int,
    zone: str,
    report: Report | None,
) -> OutageRow:
    """Return the line of an outage; instants and T are in µs UTC, `downtime` in µs."""
    values = {} if report is None else {"report_id": report.report_id}
    back = max(0, as_of - 1 - began_at) // WEEK
    return OutageRow(
        store_id=store_id,
        name=name,
        query=f"?{urlencode(values | {'at': iso(from_us(began_at)), 'back': back})}#why",
        began=formatting.when(began_at, zone, bare=True),
        ended=None if ended_at is None else formatting.when(ended_at, zone, bare=True),
        downtime=formatting.span(downtime / SECOND),
        observations=observations,
    )
