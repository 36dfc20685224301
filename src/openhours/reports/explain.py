"""Why a store counts as it does at a moment, in a sentence, in the store's own time.

10:44 to 11:15 inactive: nearest poll 11:15 inactive; open Mon 09:00-12:00 America/Denver (UTC-7)
"""

from datetime import datetime, timedelta

import numpy as np
import pytz

from openhours.reports.timeline import HoursRow, Piece, Timeline
from openhours.times import DAY, SECOND, format_time_of_day, from_us

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTE = 60 * SECOND


def local(instant: int, zone: str) -> datetime:
    """The instant (µs) on the wall clock of the zone, by the tables the kernel reads."""
    return from_us(instant).astimezone(pytz.timezone(zone))


def offset(instant: int, zone: str) -> str:
    """Local minus UTC at the instant: `UTC-7`, `UTC+5:30`."""
    away = local(instant, zone).utcoffset() or timedelta()
    minutes = round(abs(away) / timedelta(minutes=1))
    sign = "-" if away < timedelta() else "+"
    hours, rest = divmod(minutes, 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def status(active: bool) -> str:
    """The word of the CSV."""
    return "active" if active else "inactive"


def clock_of(row: HoursRow) -> tuple[str, str]:
    """A row's opening and closing as `09:00`, with seconds only where there are some."""
    return format_time_of_day(row.opens), format_time_of_day(row.closes)


def reason(timeline: Timeline, piece: Piece) -> str:
    """Why the piece has its status."""
    begins, ends = local(piece.start, timeline.zone), local(piece.end, timeline.zone)
    form = "%H:%M:%S" if piece.end - piece.start < 2 * _MINUTE else "%H:%M"
    word = "unknown" if piece.rule == "unknown" else status(piece.active)
    ending = f"{ends:{form}}" if ends.date() == begins.date() else _at(ends, begins, form)
    filled = "" if piece.measured or piece.rule == "unknown" else ", filled"
    return (
        f"{begins:{form}} to {ending} {word}{filled}: {_because(timeline, piece, begins, form)}; "
        f"{hours_of(timeline, piece.start)}"
    )


def hours_of(timeline: Timeline, instant: int) -> str:
    """By which business hours the store is open or closed at the instant, zone and offset."""
    where = f"{timeline.zone} ({offset(instant, timeline.zone)})"
    if not timeline.hours:
        return f"always open, no business hours known, {where}"
    rows = timeline.hours_at(instant)
    if not rows:
        return f"closed, {where}"
    spans = ", ".join(f"{DAYS[row.day]} {'-'.join(clock_of(row))}" for row in rows)
    return f"open {spans} {where}"


def _at(instant: datetime, beside: datetime, form: str) -> str:
    """A local time, with its day where it is another one."""
    if instant.date() == beside.date():
        return f"{instant:{form}}"
    return f"{DAYS[instant.weekday()]} {instant.day} {instant:%b} {instant:{form}}"


def _because(timeline: Timeline, piece: Piece, begins: datetime, form: str) -> str:
    if piece.rule == "unknown":
        days = timeline.asked.lookback // DAY
        return f"no poll while open in the {days} days before"
    if piece.rule in ("beating", "silent"):
        return _of_heartbeats(timeline, piece, begins)
    at = local(int(timeline.observations.at[piece.source]), timeline.zone)
    poll = f"{_at(at, begins, form)} {status(piece.active)}"
    return {
        "nearest": f"nearest poll {poll}",
        "previous": f"poll before {poll}",
        "first": f"first poll of this opening {poll}",
        "inherited": f"no poll in this opening, the last one before {poll}",
        "inherited_later": f"no poll in this opening nor before, the first one after {poll}",
    }[piece.rule]


def _of_heartbeats(timeline: Timeline, piece: Piece, begins: datetime) -> str:
    at, zone = timeline.observations.at, timeline.zone
    form = "%H:%M:%S"
    expiry = timeline.asked.filling.heartbeat_expiry // SECOND
    before = int(np.searchsorted(at, piece.end)) - 1
    if piece.active:
        first = _at(local(int(at[piece.source]), zone), begins, form)
        last = _at(local(int(at[before]), zone), begins, form)
        return f"heartbeats {first} to {last}, each good for {expiry} s"
    if before < 0:
        return "no heartbeat in the days before"
    return f"silence, last heartbeat {_at(local(int(at[before]), zone), begins, form)}"
