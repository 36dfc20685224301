"""An ingestion as JSON, in answers and in webhooks."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Row

from openhours.api.deliveries import DeliveryInfo, delivery_info
from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.tables import Ingestion
from openhours.times import Instant

State = Literal["queued", "running", "complete", "failed"]


class IngestionInfo(BaseModel):
    """State of an ingestion. When it is complete, rows = loaded + unchanged + rejected."""

    ingestion_id: Annotated[str, Field(examples=["k9xYpBq2nQZ1rT4a"])]
    name: Annotated[str, Field(description="Name of the file.", examples=["store_status.csv"])]
    kind: Annotated[
        Kind | None,
        Field(description="Null until the header is read, if the sender did not name the kind."),
    ]
    state: State
    progress: Annotated[float, Field(ge=0, le=1, description="Share of the work that is done.")]
    sha256: Annotated[
        str | None, Field(description="SHA-256 of the file, in hex; null until it is loaded.")
    ]
    size: Annotated[int | None, Field(description="Size of the file in bytes.")]
    rows: Annotated[
        int | None, Field(description="Rows of the file, without blank lines.", examples=[9999])
    ]
    loaded: Annotated[
        int | None, Field(description="Rows that are new or changed.", examples=[9990])
    ]
    unchanged: Annotated[
        int | None, Field(description="Rows that were known before.", examples=[7])
    ]
    rejected: Annotated[
        int | None, Field(description="Rows that were rejected: see `rejects.csv`.", examples=[2])
    ]
    rejected_by_reason: Annotated[
        dict[str, int] | None,
        Field(description="Rejected rows by reason.", examples=[{"bad_status": 2}]),
    ]
    warning: Annotated[
        str | None,
        Field(description="Store ids that a spreadsheet would take for formulas, if there are."),
    ]
    advice: Annotated[
        int | None, Field(description="How much advice there is: see `advice`.", examples=[0])
    ]
    error: Annotated[str | None, Field(description="Why no row of the file was loaded.")]
    received_at: Instant
    duration_seconds: float | None
    deliveries: Annotated[list[DeliveryInfo], Field(description="Webhooks that tell its end.")]


def ingestion_info(row: Ingestion | Row[Any], deliveries: Sequence[Row[Any]] = ()) -> IngestionInfo:
    """Return an ingestion as the API describes it; `deliveries` have the columns of `Delivery`."""
    duration = None
    if row.started_at is not None and row.finished_at is not None:
        duration = (row.finished_at - row.started_at).total_seconds()
    fields = {name: getattr(row, name) for name in IngestionInfo.model_fields if hasattr(row, name)}
    fields |= {
        "advice": None if row.advice is None else len(row.advice),
        "received_at": row.created_at,
        "duration_seconds": duration,
        "deliveries": [delivery_info(one) for one in deliveries],
    }
    return IngestionInfo(**fields)
