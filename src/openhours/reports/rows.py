"""The figures of stores as columns of `report_rows`, outages as those of `report_outages`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from openhours.db import bulk
from openhours.reports.inputs import packed_bytes
from openhours.reports.partition import PartitionOutages, Verdicts
from openhours.reports.tables import Report
from openhours.uptime.intervals.mixture import Ranges
from openhours.uptime.outages import NEVER, Outages
from openhours.uptime.totals import Figures

_SUMS = ("open", "up", "observed")
_CORRECTED = "corrected"  # null in a report without corrections
_RANGES = ("expected", "p05", "p95")  # null in a report without intervals
_OUTAGES = ("outages", "longest_outage")  # null in a report without outages

# All columns of an outage but its report and its store.
OUTAGE_TYPES = {
    "began_at": "timestamptz",
    "ended_at": "timestamptz",
    "began_earliest": "timestamptz",
    "ended_latest": "timestamptz",
    "downtime": "int8",
    "observations": "int4",
    "ongoing": "bool",
}


def row_types(report: Report) -> dict[str, str]:
    """Return the SQL types of the columns of a report's rows, but for its keys, for `db.bulk`."""
    names = [*_SUMS]
    if report.corrections:
        names.append(_CORRECTED)
    if report.intervals:
        names += _RANGES
    if report.outages:
        names += _OUTAGES
    if report.verdicts:
        names.append("verdict")
    sums = dict.fromkeys(names, f"int8[{len(report.windows)}]")
    target = {"target": "int2"} if report.verdicts else {}
    return {"zone": "int2", "known": "bool", **target, **sums}


def input_type(report: Report) -> dict[str, str]:
    """Return the SQL type of the inputs of a report that keeps them, for `db.bulk`."""
    return {"inputs": f"bytea[{packed_bytes(report)}]"}


def compared_types(report: Report) -> dict[str, str]:
    """Return the SQL types of the columns that are compared with those of another report."""
    types = {name: row_types(report)[name] for name in ("zone", "known", "open", "up")}
    return types if report.inputs is None else types | input_type(report)


def row_columns(figures: Figures, ranges: Ranges | None) -> dict[str, NDArray[Any]]:
    """Return `known` (stores,) and the sums, (stores, windows) each, in µs."""
    columns = {name: getattr(figures, name).T for name in (*_SUMS, _CORRECTED)}
    if ranges is not None:
        columns |= {name: getattr(ranges, name).T for name in _RANGES}
    return {"known": figures.known, **columns}


def window_columns(outages: PartitionOutages | None) -> dict[str, NDArray[Any]]:
    """Return what there is of outages in each window, (stores, windows) each."""
    if outages is None:
        return {}
    return dict(zip(_OUTAGES, (outages.count.T, outages.longest.T), strict=True))


def verdict_columns(verdicts: Verdicts | None) -> dict[str, NDArray[Any]]:
    """Return `target` (stores,) and `verdict` (stores, windows), of a report with verdicts."""
    return {} if verdicts is None else {"target": verdicts.target, "verdict": verdicts.verdict.T}


def outage_columns(found: Outages) -> dict[str, NDArray[Any]]:
    """Return the columns of `OUTAGE_TYPES`."""
    return vars(found) | {
        "began_earliest": np.where(
            found.began_earliest == -NEVER, bulk.BEFORE_ALL, found.began_earliest
        ),
        "ended_latest": np.where(found.ended_latest == NEVER, bulk.AFTER_ALL, found.ended_latest),
    }
