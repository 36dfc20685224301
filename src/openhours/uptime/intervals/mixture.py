"""The interval for uptime: what the gaps of a window can have held, weighed by what rates can be.

Two steps, since the fleet's prior is known only after the first one has seen its stores:

    polls, open time, corrections -> Evidence    (likelihoods; gaps and pieces of each window)
    Evidence, prior               -> Ranges      (expected, p05, p95)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhours.times import HOUR
from openhours.uptime.axis import Bool, Float64, Int64
from openhours.uptime.corrections import Correction, decide
from openhours.uptime.fill import Counted, Observations
from openhours.uptime.intervals import rates
from openhours.uptime.intervals.beta import beta_quantile
from openhours.uptime.intervals.cells import Cells, Counter
from openhours.uptime.intervals.gaps import Cuttable, Parts, at_edges, between_polls, parts_of
from openhours.uptime.intervals.sums import Window
from openhours.uptime.segments import NO_SOURCE, Filled, Segments
from openhours.uptime.totals import within
from openhours.uptime.windows import Bounds

LOW, HIGH = 0.05, 0.95
# With less between "never up" and "never down" there is nothing that a Beta could be fitted to.
_LEAST_MASS = 1e-9
# A Beta has its mean inside of (0, 1), and a variance below mean * (1 - mean).
_MARGIN = 1e-6
_CHUNK = 256  # stores: what is computed of them at once stays in the processor's cache


@dataclass(frozen=True)
class Evidence:
    """What decides the intervals of n stores, but for the prior.

    `likelihoods` (n, POINTS); of each window the whole gaps and the pieces of gaps; `unsure`, the
    open time in them, and `sure_up`, what corrections say was up, (windows, n) in µs.
    """

    likelihoods: NDArray[np.float32]
    whole: Sequence[Cells]
    parts: Sequence[Parts]
    unsure: Int64
    sure_up: Int64


@dataclass(frozen=True)
class Ranges:
    """The uptime that is to be expected, and its 5 % and 95 % points, in µs: (windows, stores)."""

    expected: Int64
    p05: Int64
    p95: Int64


def evidence(
    observations: Observations,
    counted: Counted,
    filled: Filled,
    open_in: Int64,
    corrections: Sequence[Correction],
    covers: Bool,
    bounds: Bounds,
    *,
    as_of: int,
    lookback: int,
) -> Evidence:
    """Return what the polls of stores say about the windows.

    `counted` are those that count. `filled` is what `polled` and `correct` made of them, `open_in`
    its open time in the windows (µs). No window begins before as_of - lookback (µs).
    """
    stores = bounds.start.shape[1]
    decided = decide(corrections, covers) if corrections else None
    lists = [between_polls(observations, counted), at_edges(observations, counted)]
    counter = Counter(lists, stores)
    turned = rates.turns(observations, counted)
    likelihoods = rates.likelihood(counter.count([slice(None), slice(0)]), turned)
    cuttable = [Cuttable(gaps, decided, as_of - lookback, as_of, stores) for gaps in lists]
    whole, parts = [], []
    for start, end in zip(bounds.start, bounds.end, strict=True):
        found = [gaps.within(start, end) for gaps in cuttable]
        whole.append(counter.count([at for at, _ in found]))
        parts.append(parts_of(lists, [pieces for _, pieces in found]))
    sure = filled.segments.source == NO_SOURCE
    corrected = Segments(*(column[sure] for column in vars(filled.segments).values()))
    ((sure_time, sure_up),) = within((corrected,), bounds)
    return Evidence(likelihoods.astype(np.float32), whole, parts, open_in - sure_time, sure_up)


def ranges(evidence: Evidence, prior: Float64) -> Ranges:
    """Return the intervals; `prior` (POINTS,) is the fleet's."""
    windows, stores = evidence.unsure.shape
    moments = np.empty((4, windows, stores))
    several = [Window(*of) for of in zip(evidence.whole, evidence.parts, strict=True)]
    # Those together whose longest gaps are alike: they have gaps in few cells.
    longest = np.max([whole.longest() for whole in evidence.whole], axis=0, initial=0)
    order = np.argsort(longest, kind="stable")
    for first in range(0, stores, _CHUNK):
        chunk = order[first : first + _CHUNK]
        weights = rates.posterior(evidence.likelihoods[chunk], prior)
        for n, window in enumerate(several):
            moments[:, n, chunk] = window.moments(chunk, weights)
    hours = evidence.unsure / HOUR
    points = (moments[0], *_points(moments, hours))
    return Ranges(
        *(
            evidence.sure_up + np.rint(np.clip(point, 0.0, hours) * HOUR).astype(np.int64)
            for point in points
        )
    )


def _points(moments: Float64, hours: Float64) -> list[Float64]:
    """Return the 5 % and 95 % points of up time within `hours` that has these moments.

    Its distribution is taken as one of nothing, of everything, and of a Beta between them.
    """
    mean, square, all_up, all_down = moments
    between = 1.0 - all_up - all_down
    mass = np.maximum(between, _LEAST_MASS)
    length = np.where(hours > 0, hours, 1.0)
    middle = np.clip((mean / length - all_up) / mass, _MARGIN, 1.0 - _MARGIN)
    widest = middle * (1.0 - middle)
    variance = (square / length**2 - all_up) / mass - middle**2
    precision = widest / np.clip(variance, widest * _MARGIN, widest * (1.0 - _MARGIN)) - 1.0
    points = []
    for probability in (LOW, HIGH):
        share = np.where(probability > all_down, 1.0, 0.0)
        inside = (probability - all_down) / mass
        some = (inside > 0.0) & (inside < 1.0) & (between > _LEAST_MASS) & (hours > 0)
        a, b = middle * precision, (1.0 - middle) * precision
        share[some] = beta_quantile(a[some], b[some], inside[some])
        points.append(share * hours)
    return points
