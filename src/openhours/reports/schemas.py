"""A report's options and its description, as JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from openhours.api.fields import Text
from openhours.reports.tables import Report
from openhours.times import Instant, PastInstant
from openhours.uptime.windows import DEFAULT_WINDOWS

_STATUS = {"queued": "Running", "running": "Running", "complete": "Complete", "failed": "Failed"}


class ReportOptions(BaseModel):
    """Options of a report, all optional."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[
        PastInstant | None,
        Field(
            description="The instant from which the report looks back, for all feeds. Default: "
            "the newest poll in the database for polled stores, now for PCs."
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
            fail_fast=True,  # the rest of a long list tells nothing more
            description="Only these stores; default all. An unknown one is an error.",
            examples=[["8139926242460185114"]],
        ),
    ] = None


class Triggered(BaseModel):
    """A report that is queued durably."""

    report_id: Annotated[str, Field(examples=["2fLRb9xhT0mrwV6sX3n8cQ"])]


class TimeSpan(BaseModel):
    """A stretch of time, start inclusive, end exclusive."""

    start: Instant
    end: Instant


class FeedWindows(BaseModel):
    """The as-of instant of a feed, and the windows that end there."""

    as_of: Instant
    last_hour: TimeSpan
    last_day: TimeSpan
    last_week: TimeSpan


class ReportInfo(BaseModel):
    """A report: its state, its options and its size."""

    report_id: str
    status: Annotated[Literal["Running", "Complete", "Failed"], Field(examples=["Complete"])]
    progress: Annotated[float, Field(ge=0, le=1, description="Share of the work done.")]
    interpolation: Literal["nearest", "previous"]
    polled: Annotated[
        FeedWindows | None, Field(description="Of polled stores; null without any poll.")
    ]
    beating: Annotated[FeedWindows, Field(description="Of stores that send heartbeats (PCs).")]
    stores_asked: Annotated[
        int | None, Field(description="Number of store_ids given; null: all stores.")
    ]
    lookback_days: int
    heartbeat_expiry_seconds: int
    observed_within_minutes: int
    default_timezone: str
    row_count: int | None
    triggered_at: Instant
    duration_seconds: Annotated[
        float | None, Field(description="From the start of the computation to its end.")
    ]
    error: str | None
    url: Annotated[str, Field(description="Path of the CSV.")]


def _windows(as_of: datetime) -> FeedWindows:
    spans = {
        window.name: TimeSpan(start=as_of + timedelta(microseconds=window.start), end=as_of)
        for window in DEFAULT_WINDOWS
    }
    return FeedWindows(as_of=as_of, **spans)


def report_info(report: Report | Row[Any], root: str) -> ReportInfo:
    """Return the description of a report, or of a row with its columns.

    `root` is what stands before the path in `url`.
    """
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
            "url": f"{root}/get_report/{report.report_id}",
        }
    )
