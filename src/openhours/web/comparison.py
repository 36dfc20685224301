"""The differences between two reports, in the words of pages."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Row

from openhours.reports.causes import CAUSES, Cause
from openhours.reports.compare import Pair, option_changes
from openhours.stores.labels import written
from openhours.uptime.axis import Int64
from openhours.web import formatting

_MAX_WINDOWS = 10  # that are named of those that only one report has

# Each in a word or two, and in a sentence.
CAUSE_WORDS: dict[Cause, tuple[str, str]] = {
    "as_of": (
        "another time",
        "The reports look back from different instants, or one of the windows lies elsewhere.",
    ),
    "options": ("options", "The interpolation, heartbeat expiry or lookback is another."),
    "late_data": (
        "late data",
        "Polls or heartbeats were added or changed in the time that both reports look at.",
    ),
    "hours": ("changed hours", "The store's weekly business hours changed."),
    "timezone": ("time zone", "The store's time zone changed, or the default one did."),
    "special_hours": (
        "special hours",
        "A holiday or another date with its own hours was set, changed or removed.",
    ),
    "corrections": (
        "corrections",
        "A correction was made or revoked, or covers other stores now.",
    ),
    "unknown": ("cause not known", "None of the other causes was found, or they cannot be told."),
}
_OPTIONS = {
    "as_of_polled": "Polled stores as of",
    "as_of_beating": "PCs as of",
    "interpolation": "Interpolation",
    "calendar_timezone": "Calendar dates in",
    "lookback_days": "Lookback",
    "heartbeat_expiry_seconds": "A heartbeat lasts",
    "observed_within_minutes": "Measured within",
    "default_timezone": "Default time zone",
    "labels": "Labels",
    "windows": "Windows of its own",
    "stores_asked": "Stores requested",
}


def asked(row: Row[Any]) -> str:
    """Return what a report was asked for: `all stores, last hour, last day, last week`.

    The row is one of `queries.complete_reports`.
    """
    stores = "all stores"
    if row.stores_asked is not None:
        stores = str(formatting.many(row.stores_asked, "requested store"))
    labels = f" with {written(row.labels)}" if row.labels else ""
    return f"{stores}{labels}, {_windows(row.window_names, row.window_count)}"


def causes_in_words(counts: Int64) -> list[tuple[Cause, str, str, int]]:
    """Return the causes that there are: each with its words, and of how many stores it is one."""
    found = zip(CAUSES, counts.tolist(), strict=True)
    return [(cause, *CAUSE_WORDS[cause], count) for cause, count in found if count]


def changed_options(pair: Pair, zone: str) -> list[tuple[str, str, str]]:
    """Return the options and settings that are not the same, each with its value in both.

    Windows are the same in any order.
    """
    changes = option_changes(pair.a, pair.b)
    if "windows" in changes:
        ours, theirs = changes["windows"]
        changes["windows"] = (
            [name for name in ours if name not in theirs],
            [name for name in theirs if name not in ours],
        )
        if not any(changes["windows"]):
            del changes["windows"]
    when = partial(formatting.when, zone=zone, bare=True)
    values = _VALUES | {"as_of_polled": when, "as_of_beating": when}
    return [
        (_OPTIONS[name], values.get(name, str)(a), values.get(name, str)(b))
        for name, (a, b) in changes.items()
    ]


def _windows(names: Sequence[str], count: int) -> str:
    """Return the first of so many windows: `last hour, last day and 3 more`."""
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return ", ".join(map(formatting.window_words, names)) + more


_VALUES: dict[str, Callable[[Any], str]] = {
    "lookback_days": lambda days: formatting.many(days, "day"),
    "heartbeat_expiry_seconds": formatting.span,
    "observed_within_minutes": lambda minutes: formatting.span(60 * minutes),
    "labels": lambda labels: written(labels) if labels else "any",
    "windows": lambda names: _windows(names[:_MAX_WINDOWS], len(names)) or "none",
    "stores_asked": lambda count: "all" if count is None else formatting.number(count),
}
