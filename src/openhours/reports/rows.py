"""The figures of stores as columns of `report_rows`: `known`, `open_hour`, `up_day` …"""

from typing import Any

from numpy.typing import NDArray

from openhours.uptime.totals import Figures

_SUMS = ("open", "up", "observed", "up_observed")

WINDOWS = ("hour", "day", "week")
FIGURE_COLUMNS = tuple(f"{name}_{window}" for name in _SUMS for window in WINDOWS)


def figure_columns(figures: Figures) -> dict[str, NDArray[Any]]:
    """Return `known` and FIGURE_COLUMNS, (stores,) each; sums in µs."""
    sums = [values for name in _SUMS for values in getattr(figures, name)]
    return {"known": figures.known, **dict(zip(FIGURE_COLUMNS, sums, strict=True))}
