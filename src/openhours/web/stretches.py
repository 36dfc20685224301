"""When a PC was on and when it was off: the pieces of its time line as a person sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

from openhours.reports.timeline import Timeline


@dataclass
class Stretch:
    """[start, end) in µs UTC in which a PC was on, or off, in its hours."""

    on: bool
    start: int
    end: int


def stretches(line: Timeline, begins: int, ends: int) -> list[Stretch]:
    """Return the stretches of [begins, ends), the newest first."""
    found: list[Stretch] = []
    for piece in line.within(begins, ends):
        if found and found[-1].on == piece.active and found[-1].end == piece.start:
            found[-1].end = piece.end
        else:
            found.append(Stretch(piece.active, piece.start, piece.end))
    return found[::-1]


def time_on(found: Sequence[Stretch]) -> int:
    """Return for how long the PC was on, in µs."""
    return sum(stretch.end - stretch.start for stretch in found if stretch.on)
