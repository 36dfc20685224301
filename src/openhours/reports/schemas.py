"""What a report is told, and what it says of itself, as JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from openhours.api.fields import Text
from openhours.reports.tables import Report
from openhours.times import Instant, PastInstant

_STATUS = {"queued": "Running", "running": "Running", "complete": "Complete", "failed": "Failed"}
_WINDOWS = {
    "last_hour": timedelta(hours=1),
    "last_day": timedelta(hours=24),
    "last_week": timedelta(days=7),
}


class ReportOptions(BaseModel):
    """What a report may be told; nothing is needed."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[
        PastInstant | None,
        Field(
            description="The instant from which the report looks back, for all feeds. Without it "
            "each feed has its own: the newest poll in the database, and now for heartbeats."
        ),
    ] = None
    interpolation: Annotated[
        Literal["nearest", "previous"],
        Field(
            description="Between two polls the status changes at the midpoint (`nearest`) or at "
            "the later poll (`previous`)."
        ),
    ] = "nearest"
    store_ids: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=64)]] | None,
        Field(
            min_length=1,
            max_length=100_000,
            description="Only these stores. An unknown one is an error.",
            examples=[["8139926242460185114"]],
        ),
    ] = None


class Triggered(BaseModel):
    """A report that was queued, durably."""

    report_id: Annotated[str, Field(examples=["2fLRb9xhT0mrwV6sX3n8cQ"])]


class Window(BaseModel):
    """Half-open: the start is in, the end is not."""

    start: Instant
    end: Instant


class FeedWindows(BaseModel):
    """As of T, per feed, and the windows that look back from it."""

    as_of: Instant
    last_hour: Window
    last_day: Window
    last_week: Window


class ReportInfo(BaseModel):
    """What a report says of itself."""

    report_id: str
    status: Annotated[Literal["Running", "Complete", "Failed"], Field(examples=["Complete"])]
    progress: Annotated[float, Field(ge=0, le=1, description="Share of the work that is done.")]
    interpolation: Literal["nearest", "previous"]
    polled: Annotated[
        FeedWindows | None, Field(description="Stores that are polled; null without any poll.")
    ]
    beating: Annotated[FeedWindows, Field(description="Stores that send heartbeats (PCs).")]
    stores_asked: Annotated[int | None, Field(description="Length of store_ids; null: all.")]
    lookback_days: int
    heartbeat_expiry_seconds: int
    observed_within_minutes: int
    default_timezone: str
    row_count: int | None
    triggered_at: Instant
    duration_seconds: Annotated[
        float | None, Field(description="From the start of its computation to its end.")
    ]
    error: str | None
    url: Annotated[str, Field(description="Where to get the CSV.")]


def _windows(as_of: datetime) -> FeedWindows:
    windows = {name: Window(start=as_of - long, end=as_of) for name, long in _WINDOWS.items()}
    return FeedWindows(as_of=as_of, **windows)


def report_info(report: Report) -> ReportInfo:
    """A report's description of itself."""
    duration = None
    if report.started_at is not None and report.finished_at is not None:
        duration = (report.finished_at - report.started_at).total_seconds()
    return ReportInfo.model_validate(
        {
            "report_id": report.report_id,
            "status": _STATUS[report.state],
            "progress": report.progress,
            "interpolation": report.interpolation,
            "polled": None if report.as_of_polled is None else _windows(report.as_of_polled),
            "beating": _windows(report.as_of_beating),
            "stores_asked": None if report.stores is None else len(report.stores),
            "lookback_days": report.lookback_days,
            "heartbeat_expiry_seconds": report.heartbeat_expiry_seconds,
            "observed_within_minutes": report.observed_within_minutes,
            "default_timezone": report.default_timezone,
            "row_count": report.row_count,
            "triggered_at": report.created_at,
            "duration_seconds": duration,
            "error": report.error,
            "url": f"/get_report/{report.report_id}",
        }
    )
