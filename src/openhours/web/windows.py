"""The windows of a report as pages and their addresses name them."""

from typing import NamedTuple

from openhours.errors import invalid
from openhours.reports.queries import has_default_windows
from openhours.reports.tables import Report
from openhours.reports.windows import windows_of
from openhours.uptime.windows import DEFAULT_WINDOWS
from openhours.web.formatting import window_words


class PageWindow(NamedTuple):
    """A window: `name` stands in addresses, `position` is that in the report, from 0.

    `column` is its name in files; the figures of a short one are told in minutes.
    """

    name: str
    position: int
    column: str
    is_short: bool

    @property
    def words(self) -> str:
        """Return its name as a person says it: `last week`."""
        return window_words(self.column)

    @property
    def heading(self) -> str:
        """Return it as a heading: `Last week`."""
        return self.words[:1].upper() + self.words[1:]


HOUR, DAY, WEEK = (
    PageWindow(name, n, window.name, window.is_short)
    for n, (name, window) in enumerate(zip(("hour", "day", "week"), DEFAULT_WINDOWS, strict=True))
)
DEFAULTS = (HOUR, DAY, WEEK)


def page_windows(report: Report | None) -> tuple[PageWindow, ...]:
    """Return the windows of a report; without one, those that the next would have."""
    if report is None or has_default_windows(report):
        return DEFAULTS
    windows = enumerate(windows_of(report))
    return tuple(PageWindow(one.name, n, one.name, one.is_short) for n, one in windows)


def first_shown(report: Report | None) -> PageWindow:
    """Return the window of a page whose address names none: the last week, or the first."""
    windows = page_windows(report)
    return WEEK if windows is DEFAULTS else windows[0]


def choose_window(report: Report, name: str | None) -> PageWindow:
    """Return the window that a page's address names. Raise Invalid for an unknown name."""
    if name is None:
        return first_shown(report)
    for window in page_windows(report):
        if window.name == name:
            return window
    raise invalid(f"unknown window: {name}", "query", "window")
