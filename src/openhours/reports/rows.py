"""The figures of stores as columns of `report_rows`: `known`, `open`, `up` …"""

from typing import Any

from numpy.typing import NDArray

from openhours.uptime.totals import Figures

_SUMS = ("open", "up", "observed", "up_observed")


def row_types(windows: int) -> dict[str, str]:
    """Return the SQL types of a row's figures, for `db.bulk`."""
    return {"known": "bool", **dict.fromkeys(_SUMS, f"int8[{windows}]")}


def row_columns(figures: Figures) -> dict[str, NDArray[Any]]:
    """Return `known` (stores,) and the sums, (stores, windows) each, in µs."""
    return {"known": figures.known, **{name: getattr(figures, name).T for name in _SUMS}}
