"""Explain in a sentence why a store counts as it does, in the store's own time.

10:44 to 11:15 down: nearest poll 11:15 inactive; open Mon 09:00-12:00 America/Denver (UTC-7)
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from openhours.reports.pieces import Piece
from openhours.reports.timeline import HoursRow, Timeline
from openhours.stores.queries import StoredCorrection
from openhours.stores.tables import BEATING
from openhours.times import (
    DAY,
    MINUTE,
    SECOND,
    WEEKDAYS,
    format_time_of_day,
    from_days,
    local_time,
    to_days,
)
from openhours.uptime.dates import ALWAYS


def utc_offset(instant: int, zone: str) -> str:
    """Return local minus UTC at the instant: `UTC-7`, `UTC+5:30`."""
    away = local_time(instant, zone).utcoffset() or timedelta()
    minutes = round(abs(away) / timedelta(minutes=1))
    sign = "-" if away < timedelta() else "+"
    hours, rest = divmod(minutes, 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def status_word(active: bool) -> Literal["active", "inactive"]:
    """Return the CSV's word for a status."""
    return "active" if active else "inactive"


def opening_and_closing(row: HoursRow) -> tuple[str, str]:
    """Return a row's opening and closing as `09:00`, with seconds only where there are some."""
    return format_time_of_day(row.opens), format_time_of_day(row.closes)


def explain_instant(timeline: Timeline, instant: int) -> str:
    """Explain the status at the instant, or why it does not count."""
    piece = timeline.piece_at(instant)
    if piece is not None:
        return explain_piece(timeline, piece)
    why = "not counted"
    correction = timeline.correction_at(instant)
    if correction is not None and timeline.opening_at(instant) is not None:
        why = f"not counted, excluded by a correction ({_said(correction)})"
    elif timeline.opening_at(instant) is not None:
        why = "nothing is known before the first heartbeat"
        if timeline.feed is None:
            why = "nothing is known, no observation yet"
    at = local_time(instant, timeline.zone)
    return f"{at:%H:%M} {why}; {explain_hours(timeline, instant)}"


def explain_piece(timeline: Timeline, piece: Piece) -> str:
    """Explain why the piece has its status."""
    return explain_block(timeline, [piece])


def explain_block(timeline: Timeline, pieces: Sequence[Piece]) -> str:
    """Explain why pieces that follow each other have their status, which is the same."""
    piece, end = pieces[0], pieces[-1].end
    begins, ends = local_time(piece.start, timeline.zone), local_time(end, timeline.zone)
    form = "%H:%M:%S" if end - piece.start < 2 * MINUTE else "%H:%M"
    ending = f"{ends:{form}}" if ends.date() == begins.date() else _at(ends, begins, form)
    because = _because(timeline, piece, begins, form)
    if len(pieces) > 1:
        because = _by_polls(timeline, pieces, begins, form)
    return (
        f"{begins:{form}} to {ending} {_state(timeline, piece)}: {because}; "
        f"{explain_hours(timeline, piece.start)}"
    )


def _state(timeline: Timeline, piece: Piece) -> str:
    if piece.rule == "unknown":
        return "unknown"
    if timeline.feed == BEATING:
        return "on" if piece.active else "off"
    estimated = "" if piece.measured else ", estimated"
    return f"{'up' if piece.active else 'down'}{estimated}"


def _by_polls(timeline: Timeline, pieces: Sequence[Piece], begins: datetime, form: str) -> str:
    """Return which polls give these pieces their status: `polls 11:15 to 13:02, all 3 inactive`."""
    at = timeline.observations.at
    first, last = (local_time(int(at[pieces[n].source]), timeline.zone) for n in (0, -1))
    count = len({piece.source for piece in pieces})
    every = "both" if count == 2 else f"all {count}"
    return (
        f"polls {_at(first, begins, form)} to {_at(last, begins, form)}, "
        f"{every} {status_word(pieces[0].active)}"
    )


def explain_hours(timeline: Timeline, instant: int) -> str:
    """Return the business hours by which the store is open or closed then, zone and offset."""
    where = f"{timeline.zone} ({utc_offset(instant, timeline.zone)})"
    rows = timeline.hours_at(instant)
    if rows:
        return f"open {', '.join(map(_span, rows))} {where}"
    if timeline.opening_at(instant) is not None:
        return f"always open, no business hours known, {where}"
    special = timeline.special_on(to_days(local_time(instant, timeline.zone).date()))
    return f"closed{f', {_kind(special[0])}' if special else ''}, {where}"


def _span(row: HoursRow) -> str:
    span = "-".join(opening_and_closing(row))
    kind = _kind(row)
    return f"{WEEKDAYS[row.day]} {span}" + (f" ({kind})" if kind else "")


def _kind(row: HoursRow) -> str:
    """Return which hours a row belongs to, empty for hours that have always been valid."""
    if row.date is not None:
        day = from_days(row.date)
        return f"special hours of {day.day} {day:%b %Y}{' for every store' if row.every else ''}"
    if row.valid_from != ALWAYS:
        since = from_days(row.valid_from)
        return f"hours valid from {since.day} {since:%b %Y}"
    return ""


def _at(instant: datetime, beside: datetime, form: str) -> str:
    """Return a local time, with its day where it is another than that of `beside`."""
    if instant.date() == beside.date():
        return f"{instant:{form}}"
    return f"{WEEKDAYS[instant.weekday()]} {instant.day} {instant:%b} {instant:{form}}"


def _because(timeline: Timeline, piece: Piece, begins: datetime, form: str) -> str:
    correction = timeline.correction_at(piece.start)
    if piece.rule == "corrected" and correction is not None:
        return f"corrected ({_said(correction)})"
    if piece.rule == "unknown":
        days = timeline.lookback // DAY
        return f"no poll while open in the {days} days before"
    if piece.rule in ("beating", "silent"):
        return _of_heartbeats(timeline, piece, begins)
    at = local_time(int(timeline.observations.at[piece.source]), timeline.zone)
    poll = f"{_at(at, begins, form)} {status_word(piece.active)}"
    return {
        "nearest": f"nearest poll {poll}",
        "previous": f"poll before {poll}",
        "first": f"first poll of this opening {poll}",
        "inherited": f"no poll in this opening, the last one before {poll}",
        "inherited_later": f"no poll in this opening nor before, the first one after {poll}",
    }[piece.rule]


def _said(correction: StoredCorrection) -> str:
    return f"{correction.category.replace('_', ' ')}: {correction.reason}"


def _of_heartbeats(timeline: Timeline, piece: Piece, begins: datetime) -> str:
    at, zone = timeline.observations.at, timeline.zone
    form = "%H:%M:%S"
    expiry = timeline.query.rules.heartbeat_expiry // SECOND
    before = int(np.searchsorted(at, piece.end)) - 1
    if piece.active:
        first = _at(local_time(int(at[piece.source]), zone), begins, form)
        last = _at(local_time(int(at[before]), zone), begins, form)
        return f"heartbeats {first} to {last}, each good for {expiry} s"
    if before < 0:
        return "no heartbeat in the days before"
    return f"silence, last heartbeat {_at(local_time(int(at[before]), zone), begins, form)}"
