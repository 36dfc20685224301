"""The figures of stores as columns of `report_rows`: `known`, `open`, `up` …"""

from typing import Any

from numpy.typing import NDArray

from openhours.uptime.totals import Figures

_SUMS = ("open", "up", "observed", "up_observed")
_CORRECTED = "corrected"  # null in a report without corrections


def row_types(windows: int, *, corrected: bool) -> dict[str, str]:
    """Return the SQL types of a row's figures, for `db.bulk`."""
    names = (*_SUMS, _CORRECTED) if corrected else _SUMS
    return {"known": "bool", **dict.fromkeys(names, f"int8[{windows}]")}


def row_columns(figures: Figures) -> dict[str, NDArray[Any]]:
    """Return `known` (stores,) and the sums, (stores, windows) each, in µs."""
    names = (*_SUMS, _CORRECTED)
    return {"known": figures.known, **{name: getattr(figures, name).T for name in names}}
