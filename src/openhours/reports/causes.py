"""Two reports: what is not the same in what their figures were made of, store by store."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from openhours.reports.inputs import (
    Cuts,
    Inputs,
    cuts_of,
    dates_within,
    observed_between,
    stretch_of,
    unpack,
)
from openhours.reports.tables import Report
from openhours.stores.tables import POLLED
from openhours.times import DAY, SECOND
from openhours.uptime.axis import Bool

Cause = Literal[
    "as_of",
    "options",
    "late_data",
    "hours",
    "timezone",
    "special_hours",
    "corrections",
    "unknown",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
Rows = Mapping[str, NDArray[Any]]
# The stretch (µs UTC) of each correction of either report, by its id.
Spans = Mapping[str, tuple[int, int]]


def causes_of(a: Report, b: Report, feed: str, rows_a: Rows, rows_b: Rows, spans: Spans) -> Bool:
    """Return what is not the same for n stores of a feed: (n, CAUSES).

    Both reports have rows of them, in the same order. Where nothing is found, or a report does not
    keep its inputs, it is `unknown`.
    """
    found = np.zeros((len(rows_a["known"]), len(CAUSES)), np.bool_)
    for cause in _of_all(a, b, feed):
        found[:, CAUSES.index(cause)] = True
    known = a.inputs is not None and b.inputs is not None
    if known:
        for cause, which in _of_each(a, b, feed, rows_a, rows_b, spans).items():
            found[:, CAUSES.index(cause)] = which
    found[:, CAUSES.index("unknown")] = ~found.any(axis=1) if known else True
    return found


def _of_all(a: Report, b: Report, feed: str) -> list[Cause]:
    """Return what is not the same for all stores of a feed."""
    (since_a, until_a), (since_b, until_b) = _stretches(a, b, feed)
    windows = {name: window for name, *window in a.windows}
    moved = any(windows.get(name, window) != window for name, *window in b.windows)
    found: list[Cause] = []
    if until_a != until_b or moved:
        found.append("as_of")
    rules = [
        (until - since, one.interpolation if feed == POLLED else one.heartbeat_expiry_seconds)
        for since, until, one in ((since_a, until_a, a), (since_b, until_b, b))
    ]
    if rules[0] != rules[1]:
        found.append("options")
    return found


def _stretches(a: Report, b: Report, feed: str) -> tuple[tuple[int, int], tuple[int, int]]:
    one, other = stretch_of(a, feed), stretch_of(b, feed)
    assert one is not None
    assert other is not None
    return one, other


def _of_each(
    a: Report, b: Report, feed: str, rows_a: Rows, rows_b: Rows, spans: Spans
) -> dict[Cause, Bool]:
    """Return for what is told store by store of which it is not the same: (stores,) each."""
    one, other = _stretches(a, b, feed)
    since, until = max(one[0], other[0]), min(one[1], other[1])
    of_a, of_b = unpack(a, rows_a["inputs"]), unpack(b, rows_b["inputs"])
    cuts_a, cuts_b = cuts_of(a, feed), cuts_of(b, feed)
    zones = [np.array(of.zones)[rows["zone"]] for of, rows in ((a, rows_a), (b, rows_b))]
    return {
        "late_data": _late_data(of_a, of_b, cuts_a, cuts_b, since),
        "hours": of_a.hours != of_b.hours,
        "timezone": zones[0] != zones[1],
        "special_hours": _special_hours(of_a, of_b, cuts_a, cuts_b, dates_within(since, until)),
        "corrections": _corrections(
            of_a.corrections,
            of_b.corrections,
            a.corrections,
            b.corrections,
            {one for one, (begin, end) in spans.items() if begin < until and end > since},
        ),
    }


def _late_data(a: Inputs, b: Inputs, cuts_a: Cuts, cuts_b: Cuts, since: int) -> Bool:
    """Return of which stores the observations are not the same, in the time that both cut out."""
    # What is more than a week before the first observation does not count.
    first_a, first_b = (
        np.maximum(of.first_observed.astype(np.int64) * SECOND - 7 * DAY, since) for of in (a, b)
    )
    late = first_a != first_b
    edges = sorted(set(cuts_a.edges) & set(cuts_b.edges))
    if len(edges) > 1:
        seen_a, seen_b = (
            observed_between(of, cuts, edges[0], edges[-1])
            for of, cuts in ((a, cuts_a), (b, cuts_b))
        )
        late |= seen_a != seen_b
    return np.asarray(late)


def _special_hours(a: Inputs, b: Inputs, cuts_a: Cuts, cuts_b: Cuts, dates: range) -> Bool:
    changed = np.zeros(len(a.hours), np.bool_)
    for date in set(cuts_a.dates) | set(cuts_b.dates):
        if date in dates:
            changed |= _word(a, cuts_a, date) != _word(b, cuts_b, date)
    return changed


def _word(inputs: Inputs, cuts: Cuts, date: int) -> NDArray[np.uint32]:
    """Return the fingerprints of special hours on a date, 0 where there are none: (stores,)."""
    if date not in cuts.dates:
        return np.zeros(len(inputs.hours), np.uint32)
    return inputs.special[:, cuts.dates.index(date)]


def _corrections(
    covered_a: Bool, covered_b: Bool, ids_a: list[str], ids_b: list[str], within: set[str]
) -> Bool:
    """Return which stores are covered by other corrections in b than in a, of those `within`."""
    changed = np.zeros(len(covered_a), np.bool_)
    nowhere = np.zeros(len(covered_a), np.bool_)
    for one in within:
        by_a = covered_a[:, ids_a.index(one)] if one in ids_a else nowhere
        by_b = covered_b[:, ids_b.index(one)] if one in ids_b else nowhere
        changed |= by_a != by_b
    return changed
