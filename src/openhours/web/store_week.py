"""The week that a store's page shows: which one, its figures, and what to tell others of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from openhours.errors import invalid
from openhours.reports.timeline import Timeline
from openhours.stores.tables import BEATING
from openhours.times import DAY, EARLIEST, local_time
from openhours.web import formatting
from openhours.web.local_time import midnights
from openhours.web.outages import WEEK, OutageRow


def end_of(day: date, zone: str) -> int:
    """Return where a local date ends, in µs UTC. Raise Invalid for one before 2000."""
    if not EARLIEST.year <= day.year <= 9998:
        raise invalid("not a date since 2000", "query", "date")
    return midnights([day + timedelta(days=1)], zone)[0]


@dataclass(frozen=True)
class Week:
    """[begins, ends) of a time line, `back` weeks before its T, of `weeks` that it has."""

    line: Timeline
    back: int
    weeks: int

    @property
    def ends(self) -> int:
        """Return where the week ends, in µs UTC."""
        return self.line.as_of - self.back * WEEK

    @property
    def begins(self) -> int:
        """Return where it begins, not before the time line does."""
        return max(self.line.since, self.ends - WEEK)

    @property
    def dates(self) -> str:
        """Return its local dates: `11–18 Jan 2023`."""
        return formatting.date_range(self.begins, self.ends, self.line.zone)

    @property
    def last_date(self) -> date:
        """Return its last local date."""
        return local_time(self.ends - 1, self.line.zone).date()

    def figures(self) -> dict[str, Any]:
        """Return its figures as those of a window, in µs."""
        pieces = self.line.within(self.begins, self.ends)
        return {
            "words": self.dates,
            "short": False,
            "known": self.line.known,
            "open": sum(piece.length for piece in pieces),
            "up": sum(piece.length for piece in pieces if piece.active),
            "observed": sum(piece.length for piece in pieces if piece.measured),
            "p05": None,
            "p95": None,
            "verdict": None,
        }

    def summary(self, name: str | None, outages: Sequence[OutageRow]) -> str:
        """Return the week in a few lines of text, with its outages, the newest first."""
        line, week = self.line, self.figures()
        up, down = ("on", "off") if line.feed == BEATING else ("up", "down")
        when = [formatting.when(at, line.zone, bare=True) for at in (self.begins, self.ends)]
        told = "nothing is known"
        if line.known:
            share = formatting.percent(week["up"], week["open"])
            spans = [formatting.hours(us) for us in (week["up"], week["open"] - week["up"])]
            told = f"{share} of open time {up}: {spans[0]} {up}, {spans[1]} {down}"
        lines = [
            f"{name} ({line.store_id})" if name else line.store_id,
            f"{when[0].striptags()} to {when[1].striptags()} {line.zone}",
            told,
            *(outage.sentence for outage in outages),
        ]
        return "\n".join(lines)


def latest_week(line: Timeline, back: int) -> Week:
    """Return the week so many weeks before T, the first one if there are not as many."""
    weeks = max(1, -(-line.lookback // WEEK))
    return Week(line, min(back, weeks - 1), weeks)


def week_until(line: Timeline, ends: int) -> Week | None:
    """Return the week in which a date ends, None if that is before the time line.

    Raise Invalid for one that has not begun at T.
    """
    if ends - DAY > line.as_of:
        told = formatting.when(line.as_of, line.zone).striptags()
        raise invalid(f"after the newest data, {told}", "query", "date")
    if ends <= line.since:
        return None
    return latest_week(line, max(0, line.as_of - ends) // WEEK)
