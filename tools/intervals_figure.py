"""The figure and the tables of docs/intervals.md: a store whose truth is known, and one gap.

python -m tools.intervals_figure

writes docs/intervals.svg and prints the tables; a test says when the page shows others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tools import fleets

from openhours.times import DAY, HOUR
from openhours.uptime.axis import Int64
from openhours.uptime.intervals import bridge
from openhours.uptime.intervals.bridge import DOWN_DOWN, UP, UP_DOWN, UP_UP, Grid, Lengths
from openhours.uptime.intervals.mixture import ranges
from openhours.uptime.intervals.rates import fit_prior
from openhours.uptime.totals import figures

FIGURE = Path(__file__).parents[1] / "docs/intervals.svg"
_SEED, _STORES, _STORE, _DAYS = 20230125, 200, 0, 14
_WINDOWS = {"last hour": HOUR, "last day": DAY, "last week": 7 * DAY}
_DOWN_RATE, _UP_RATE = 0.05, 1.0
_GAPS = {
    "active, active": UP_UP,
    "active, inactive": UP_DOWN,
    "inactive, inactive": DOWN_DOWN,
    "active, closes": UP,
}
_LEFT, _WIDTH, _HEIGHT = 96, 490, 304
_LOWEST = 0.7  # share of open time at the left end
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #56606b; } .paper { fill: #ffffff; }
  .up { fill: #1f9d6b; } .down { fill: #d4452f; } .range { fill: #3d78bd; } .mark { fill: #1a1f24; }
  .line { stroke: #56606b; } .thick { stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #a3acb5; } .paper { fill: #101315; } .range { fill: #6aa4e6; }
    .mark { fill: #e9ebed; } .line { stroke: #a3acb5; }
  }
"""


@dataclass(frozen=True)
class Row:
    """A window of the store, in µs."""

    window: str
    opened: int
    figure: int
    truth: int
    p05: int
    expected: int
    p95: int


@dataclass(frozen=True)
class Example:
    """The store: when it was polled, and found up; what is made of it, and when it was down."""

    as_of: int
    polls: list[tuple[int, bool]]
    filled_down: list[tuple[int, int]]
    truly_down: list[tuple[int, int]]
    rows: list[Row]


def example() -> Example:
    """Return the store, with the prior of the fleet that it belongs to."""
    fleet = fleets.simulate(_SEED, _STORES, _DAYS)
    prior = fit_prior(fleet.evidence(fleet.bounds(DAY)).likelihoods.astype(np.float64))
    one = fleet.some([_STORE])
    bounds = one.bounds(*_WINDOWS.values())
    found = ranges(one.evidence(bounds), prior)
    filled = one.filled(_DAYS * DAY)
    sums = figures(filled, bounds)
    inactive = ~filled.segments.active
    return Example(
        one.as_of,
        list(zip(one.polls.at.tolist(), one.polls.active.tolist(), strict=True)),
        _pairs(filled.segments.start[inactive], filled.segments.end[inactive]),
        _pairs(*one.down[0].T),
        [
            Row(
                window,
                opened=int(sums.open[n, 0]),
                figure=int(sums.up[n, 0]),
                truth=one.up(0, one.as_of - length, one.as_of),
                p05=int(found.p05[n, 0]),
                expected=int(found.expected[n, 0]),
                p95=int(found.p95[n, 0]),
            )
            for n, (window, length) in enumerate(_WINDOWS.items())
        ],
    )


def _pairs(start: Int64, end: Int64) -> list[tuple[int, int]]:
    return list(zip(start.tolist(), end.tolist(), strict=True))


def gap_table() -> str:
    """Return what an hour between two polls can have held, of one pair of rates."""
    speed = _DOWN_RATE + _UP_RATE
    grid = Grid(np.array([_UP_RATE / speed]), np.array([speed]))
    kind = np.array(list(_GAPS.values()))
    hour, none = np.ones(len(kind)), np.zeros(len(kind))
    lengths = Lengths(none, hour, none)
    up = bridge.up_time(grid, kind, lengths)
    lines = [f"{'polls':20}{'up time':>16}{'up throughout':>18}{'down throughout':>18}"]
    for n, words in enumerate(_GAPS):
        mean, spread = 60 * up.mean[n, 0], 60 * up.variance[n, 0] ** 0.5
        all_up, all_down = (
            ends(grid, kind, lengths)[n, 0] * np.exp(-rate)
            for ends, rate in ((bridge.up_at_ends, _DOWN_RATE), (bridge.down_at_ends, _UP_RATE))
        )
        time = f"{mean:.1f} ± {spread:.1f} min"
        lines.append(f"{words:20}{time:>16}{all_up:>18.3f}{all_down:>18.3f}")
    return "\n".join(lines)


def store_table(store: Example) -> str:
    """Return the figures of the store, and what is true."""
    names = ("window", "open", "figure", "expected", "p05", "p95", "truth")
    lines = [f"{names[0]:10}" + "".join(f"{name:>10}" for name in names[1:])]
    for row in store.rows:
        values = (row.opened, row.figure, row.expected, row.p05, row.p95, row.truth)
        hours = (f"{value / HOUR:.2f} h" for value in values)
        lines.append(f"{row.window:10}" + "".join(f"{value:>10}" for value in hours))
    return "\n".join(lines)


def svg(store: Example) -> str:
    """Return the last day of the store, and below it its windows."""
    parts = "\n".join((*_day(store), *_windows(store.rows), *_legend()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {_HEIGHT}" role="img">\n'
        "<title>A day of a store: the truth, polls an hour apart, what is filled between them; "
        "and the intervals of its last hour, day and week</title>\n"
        f"<style>{_STYLE}</style>\n"
        f'<rect class="paper" width="720" height="{_HEIGHT}"/>\n{parts}\n</svg>\n'
    )


def _day(store: Example) -> Iterator[str]:
    begins = store.as_of - DAY

    def x(at: int) -> float:
        return _LEFT + _WIDTH * (max(at, begins) - begins) / DAY

    def bar(y: int, down: Iterable[tuple[int, int]]) -> Iterator[str]:
        yield f'<rect class="up" x="{_LEFT}" y="{y}" width="{_WIDTH}" height="14"/>'
        for start, end in down:
            if end > begins:
                place = f'x="{x(start):.1f}" width="{x(end) - x(start):.1f}"'
                yield f'<rect class="paper" {place} y="{y - 1}" height="16"/>'
                yield f'<rect class="down" {place} y="{y + 9}" height="5"/>'

    for hour in range(0, 25, 6):
        yield _text(_LEFT + _WIDTH * hour // 24, 22, f"{hour:02d}:00", "middle")
    yield _text(12, 47, "truth")
    yield from bar(36, store.truly_down)
    yield _text(12, 77, "polls")
    for at, active in store.polls:
        if at >= begins:
            kind, y = ("up", 67) if active else ("down", 77)
            yield f'<circle class="{kind}" cx="{x(at):.1f}" cy="{y}" r="4"/>'
    yield _text(_LEFT + _WIDTH + 12, 71, "active")
    yield _text(_LEFT + _WIDTH + 12, 85, "inactive")
    yield _text(12, 107, "figure")
    yield from bar(96, store.filled_down)


def _windows(rows: Iterable[Row]) -> Iterator[str]:
    def x(share: float) -> float:
        return _LEFT + _WIDTH * (share - _LOWEST) / (1 - _LOWEST)

    for n, row in enumerate(rows):
        y = 152 + 38 * n
        names = ("p05", "expected", "p95", "figure", "truth")
        low, expected, high, figure, truth = (x(getattr(row, one) / row.opened) for one in names)
        yield _text(12, y + 4, row.window)
        yield f'<path class="line" d="M{_LEFT} {y}h{_WIDTH}"/>'
        yield f'<path class="range" d="M{low:.1f} {y - 5}H{high:.1f}v10H{low:.1f}z"/>'
        yield f'<path class="line thick" d="M{expected:.1f} {y - 8}v16"/>'
        yield f'<circle class="mark" cx="{figure:.1f}" cy="{y}" r="3.5"/>'
        yield f'<path class="mark" d="M{truth:.1f} {y - 6}l-5 -8h10z"/>'
        yield _text(_LEFT + _WIDTH + 12, y + 4, f"{row.p05 / HOUR:.1f} to {row.p95 / HOUR:.1f} h")
    for tenths in range(round(10 * _LOWEST), 11):
        yield _text(round(x(tenths / 10)), 252, f"{10 * tenths} %", "middle")
    yield _text(_LEFT + _WIDTH + 28, 252, "of open time")


def _legend() -> Iterator[str]:
    yield f'<rect class="range" x="{_LEFT}" y="275" width="30" height="10"/>'
    yield _text(_LEFT + 36, 284, "p05 to p95")
    yield '<path class="line thick" d="M226 272v16"/>'
    yield _text(234, 284, "expected")
    yield '<circle class="mark" cx="316" cy="280" r="3.5"/>'
    yield _text(326, 284, "figure")
    yield '<path class="mark" d="M396 285l-5 -8h10z"/>'
    yield _text(406, 284, "truth")


def _text(x: int, y: int, words: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'


def main() -> None:
    """Write the figure, and print the tables."""
    store = example()
    FIGURE.write_text(svg(store))
    print(gap_table(), store_table(store), sep="\n\n")


if __name__ == "__main__":
    main()
