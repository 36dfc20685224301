"""Outages as pages list them: each leads to its stretch in the week of its store."""

from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import Markup

from openhours.agent.names import PREFIX
from openhours.times import DAY, MINUTE, SECOND, from_us, iso, local_time
from openhours.web import formatting

WEEK = 7 * DAY


class OutageRow(NamedTuple):
    """A line of the list; `query` is that of its store's page, `ended` None while it is ongoing.

    `sentence` tells it all: `Down Wed 8 Nov 11:00 to 13:13, 2 h 13 min`.
    """

    store_id: str
    name: str | None
    query: str
    began: Markup
    ended: Markup | None
    downtime: str
    observations: int
    sentence: str


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
    query: Mapping[str, object],
) -> OutageRow:
    """Return the line of an outage; instants and T are in µs UTC, `downtime` in µs.

    `query` is that of its store's page, as of this T.
    """
    back = max(0, as_of - 1 - began_at) // WEEK
    return OutageRow(
        store_id=store_id,
        name=name,
        query=f"{formatting.query_of({**query, 'at': iso(from_us(began_at)), 'back': back})}#why",
        began=formatting.when(began_at, zone, bare=True),
        ended=None if ended_at is None else formatting.when(ended_at, zone, bare=True),
        downtime=formatting.span(downtime / SECOND),
        observations=observations,
        sentence=_sentence(store_id, began_at, ended_at, as_of, downtime, zone),
    )


def _sentence(
    store_id: str, began_at: int, ended_at: int | None, as_of: int, downtime: int, zone: str
) -> str:
    state = "Off" if store_id.startswith(PREFIX) else "Down"
    at = local_time(began_at, zone)
    began = f"{formatting.short_date(at)} {at:%H:%M}"
    length = formatting.span(downtime / SECOND)
    if (as_of if ended_at is None else ended_at) - began_at - downtime >= MINUTE:
        length += " of open time"
    if ended_at is None:
        return f"{state} since {began}, {length} so far"
    ended = local_time(ended_at, zone)
    day = "" if ended.date() == at.date() else f"{formatting.short_date(ended)} "
    return f"{state} {began} to {day}{ended:%H:%M}, {length}"
