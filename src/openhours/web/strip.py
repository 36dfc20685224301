"""The last week of all stores together, hour by hour: downtime, on a scale of its own."""

from dataclasses import dataclass
from datetime import timedelta

from openhours.reports.tables import Report
from openhours.stores.tables import BEATING, POLLED
from openhours.times import DAY, HOUR, local_time, to_us
from openhours.web.charts import WIDTH
from openhours.web.formatting import date_range, percent, short_date
from openhours.web.local_time import midnights


@dataclass(frozen=True)
class Hour:
    """An hour of a strip: `down` is 0 to 1 of its open time, None where nothing was open."""

    x: float
    down: float | None
    text: str


@dataclass(frozen=True)
class Midnight:
    """The beginning of a local day; its label is empty where there is no room for one."""

    x: float
    label: str


@dataclass(frozen=True)
class Strip:
    """The week before T, hour by hour; `top` is what the scale ends with, in percent.

    `kind` is the CSS class of downtime, `heading` says what is drawn, `summary` what it shows.
    """

    heading: str
    summary: str
    kind: str
    top: int
    hours: list[Hour]
    days: list[Midnight]


# The ends of scales, in percent.
_TOPS = (1, 2, 5, 10, 20, 50, 100)
# No label is nearer to the end of its strip.
_LABEL = 0.08 * WIDTH


def strip_of(report: Report, zone: str) -> Strip | None:
    """Return the week before T: of all polled stores, of PCs if there are none, None of nothing."""
    by_hour = report.by_hour or {}
    feed = POLLED if POLLED in by_hour else BEATING
    as_of = report.as_of(feed)
    if as_of is None or feed not in by_hour:
        return None
    opened, up = by_hour[feed]
    begins, ends = to_us(as_of) - len(opened) * HOUR, to_us(as_of)
    word = "down" if feed == POLLED else "off"
    width = WIDTH / len(opened)
    hours = []
    for n, (whole, part) in enumerate(zip(opened, up, strict=True)):
        at = local_time(begins + n * HOUR, zone)
        down = (whole - part) / whole if whole else None
        words = f"{percent(whole - part, whole)} of open time {word}" if whole else "nothing open"
        text = f"{short_date(at)}, {at:%H:%M} {zone}, an hour: {words}"
        hours.append(Hour(round(n * width, 2), down, text))
    most = max((hour.down or 0 for hour in hours), default=0)
    every = f"{percent(sum(opened) - sum(up), sum(opened))} of open time {word}"
    dates = date_range(begins, ends, zone)
    return Strip(
        heading=f"{'Downtime' if feed == POLLED else 'Time off'} by hour, {dates}",
        summary=f"{every} in the week, at most {percent(most, 1)} in an hour",
        kind=word,
        top=next(top for top in _TOPS if 100 * most <= top),
        hours=hours,
        days=_midnights(begins, ends, zone),
    )


def _midnights(begins: int, ends: int, zone: str) -> list[Midnight]:
    """Return where the local days in [begins, ends) begin."""
    first = local_time(begins, zone).date()
    dates = [first + timedelta(days=n) for n in range(1, (ends - begins) // DAY + 2)]
    days = []
    for date, at in zip(dates, midnights(dates, zone), strict=True):
        x = round((at - begins) / (ends - begins) * WIDTH, 2)
        if at < ends:
            days.append(Midnight(x, f"{date:%a} {date.day}" if x < WIDTH - _LABEL else ""))
    return days
