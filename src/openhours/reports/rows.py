"""The figures of stores as columns of `report_rows`: `known`, `open`, `up` …"""

from typing import Any

from numpy.typing import NDArray

from openhours.reports.tables import Report
from openhours.uptime.totals import Figures

_SUMS = ("open", "up", "observed", "up_observed")
_CORRECTED = "corrected"  # null in a report without corrections


def row_types(report: Report) -> dict[str, str]:
    """Return the SQL types of the columns of a report's rows, but for its keys, for `db.bulk`."""
    names = (*_SUMS, _CORRECTED) if report.corrections else _SUMS
    sums = dict.fromkeys(names, f"int8[{len(report.windows)}]")
    return {"zone": "int2", "known": "bool", **sums}


def row_columns(figures: Figures) -> dict[str, NDArray[Any]]:
    """Return `known` (stores,) and the sums, (stores, windows) each, in µs."""
    names = (*_SUMS, _CORRECTED)
    return {"known": figures.known, **{name: getattr(figures, name).T for name in names}}
