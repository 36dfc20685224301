"""Which stretch of time a page of PCs shows: that of its form, or the last days."""

from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

import pytz
from fastapi import Query

from openhours.api.cursors import Cursor
from openhours.errors import invalid
from openhours.times import Instant, local_time, now
from openhours.web import formatting
from openhours.web.local_time import QueryZone, from_input

# Local days of the picture, if none are chosen; and at most.
_USUAL_DAYS = 7
MAX_DAYS = 31


class Asked(NamedTuple):
    """What an address asks for, as it was written: local times in `zone`, if it names one.

    `cursor` is that of a page of heartbeats, `at` the instant that is to be explained.
    """

    since: str = ""
    until: str = ""
    zone: str = ""
    cursor: str | None = None
    at: datetime | None = None

    def query(self, pc: str, **changes: object) -> str:
        """Return this, with changes, as the query of an address, `?` included."""
        values = {"pc": pc, "from": self.since, "to": self.until, "zone": self.zone}
        return formatting.query_of(values | changes)


class Range(NamedTuple):
    """Heartbeats in [since, until), None where no bound was named; the picture of [begins, ends).

    The picture ends now at the latest; `cut` says that it begins later than `since`.
    """

    since: datetime | None
    until: datetime | None
    begins: datetime
    ends: datetime
    cut: bool = False

    @property
    def to_now(self) -> bool:
        """Return whether the picture ends now."""
        return self.until is None or self.ends < self.until


def asked(
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    zone: QueryZone = "",
    cursor: Cursor = None,
    at: Instant | None = None,
) -> Asked:
    """Return what an address asks for."""
    return Asked(since, until, zone, cursor, at)


def range_of(asked: Asked, zone: str) -> Range:
    """Return the range; local times are in the zone that was named, else in `zone`.

    Raise Invalid.
    """
    written_in = asked.zone if asked.zone in pytz.all_timezones_set else zone
    since = from_input("from", asked.since, written_in)
    until = from_input("to", asked.until, written_in)
    ends = min(until or now(), now())
    begins = since or _midnight(ends, _USUAL_DAYS - 1, zone)
    if begins >= ends:
        if until is None or begins >= now():
            raise invalid("must not be in the future", "query", "from")
        raise invalid("must be after the start", "query", "to")
    earliest = _midnight(ends, MAX_DAYS - 1, zone)
    return Range(since, until, max(begins, earliest), ends, begins < earliest)


def _midnight(instant: datetime, days: int, zone: str) -> datetime:
    """Return the local midnight that begins the day of an instant, or so many days before it.

    At midnight it is the day that ends.
    """
    day = local_time(instant - timedelta(microseconds=1), zone).date() - timedelta(days=days)
    found = from_input("from", str(day), zone)
    assert found is not None
    return found


def neighbours(shown: Range, zone: str) -> tuple[tuple[str, str], tuple[str, str] | None]:
    """Return the first and last bounds, as written, of the week before the picture and after it."""
    begins = local_time(shown.begins, zone).date()
    week = timedelta(days=_USUAL_DAYS)
    before = (f"{begins - week}T00:00", f"{begins}T00:00")
    if shown.to_now:
        return before, None
    ends = local_time(shown.ends, zone).date()
    after = (f"{ends}T00:00", f"{ends + week}T00:00")
    return before, ("", "") if ends + week > local_time(now(), zone).date() else after
