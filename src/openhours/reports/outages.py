"""Outages of a report as a table: a line for each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openhours.db.bulk import AFTER_ALL, BEFORE_ALL
from openhours.reports.tabular import STORE_ID, Heading, figure, instants, rounded
from openhours.times import MINUTE
from openhours.uptime.axis import Int64

OUTAGE_HEADINGS = (
    STORE_ID,
    Heading("began_at", "began_at", "instant"),
    Heading("ended_at", "ended_at", "instant"),
    Heading("began_earliest", "began_earliest", "instant"),
    Heading("ended_latest", "ended_latest", "instant"),
    figure("downtime", "in minutes"),
    Heading("observations", "observations", "count"),
    Heading("ongoing", "ongoing", "flag"),
)


def outages_frame(
    store_pks: Int64, store_ids: list[str], columns: Mapping[str, NDArray[Any]]
) -> pd.DataFrame:
    """Return a line for each outage, in the order of these stores.

    `columns` are as `queries.read_outages` reads them.
    """
    by_pk = np.argsort(store_pks)
    place = by_pk[np.searchsorted(store_pks[by_pk], columns["store"])]
    order = np.argsort(place, kind="stable")
    of = {name: column[order] for name, column in columns.items()}
    earliest, latest = of["began_earliest"], of["ended_latest"]
    return pd.DataFrame(
        {
            STORE_ID.name: np.array(store_ids, object)[place[order]],
            "began_at": instants(of["began_at"]),
            "ended_at": instants(of["ended_at"], ~of["ongoing"]),
            "began_earliest": instants(earliest, earliest != BEFORE_ALL),
            "ended_latest": instants(latest, latest != AFTER_ALL),
            "downtime": rounded(of["downtime"], MINUTE),
            "observations": of["observations"],
            "ongoing": of["ongoing"],
        }
    )
