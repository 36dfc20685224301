"""The figures of stores as columns of `report_rows`: `known`, `open`, `up` …"""

from typing import Any

from numpy.typing import NDArray

from openhours.reports.tables import Report
from openhours.uptime.intervals.mixture import Ranges
from openhours.uptime.totals import Figures

_SUMS = ("open", "up", "observed", "up_observed")
_CORRECTED = "corrected"  # null in a report without corrections
_RANGES = ("expected", "p05", "p95")  # null in a report without intervals


def row_types(report: Report) -> dict[str, str]:
    """Return the SQL types of the columns of a report's rows, but for its keys, for `db.bulk`."""
    names = [*_SUMS]
    if report.corrections:
        names.append(_CORRECTED)
    if report.intervals:
        names += _RANGES
    sums = dict.fromkeys(names, f"int8[{len(report.windows)}]")
    return {"zone": "int2", "known": "bool", **sums}


def row_columns(figures: Figures, ranges: Ranges | None) -> dict[str, NDArray[Any]]:
    """Return `known` (stores,) and the sums, (stores, windows) each, in µs."""
    columns = {name: getattr(figures, name).T for name in (*_SUMS, _CORRECTED)}
    if ranges is not None:
        columns |= {name: getattr(ranges, name).T for name in _RANGES}
    return {"known": figures.known, **columns}
