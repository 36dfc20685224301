"""A report's options and its description, as JSON."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import pytz
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import Row

from openhours.api.deliveries import DeliveryInfo, delivery_info
from openhours.api.fields import Text
from openhours.reports.tables import Report
from openhours.reports.windows import lookback, windows_of
from openhours.stores.labels import Labels
from openhours.times import DAY, Instant, PastInstant, from_days, from_us, to_us
from openhours.uptime.windows import DEFAULT_WINDOWS, Window

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

    labels: Annotated[
        Labels | None,
        Field(
            description="Only the stores that have, for every key, one of its values when the "
            "report is computed. An unknown key or value is an error."
        ),
    ] = None
    windows: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=64)]] | None,
        Field(
            min_length=1,
            max_length=400,
            fail_fast=True,
            description="The stretches of time to sum up, 400 at most: `last_hour`, `last_day`, "
            "`last_week`, `P30D`, `PT6H`; `2022-10-07`, `2022-W40`, `2022-10`, `2022`, in each "
            "store's own time; `today`, `yesterday`, `this_week`, `previous_week`, `this_month`, "
            "`previous_month`; two instants, `2022-10-01T00:00:00Z/2022-10-08T00:00:00Z`; "
            "`days:`, `weeks:` or `months:` and one of these periods, for a window each. Default: "
            "the last hour, day and week.",
            examples=[["previous_month"]],
        ),
    ] = None
    calendar_timezone: Annotated[
        Text | None,
        Field(
            description="The zone in which today is the date of the as-of instant, for `today`, "
            "`this_week` and the like. Default: the service's default zone.",
            examples=["Europe/Berlin"],
        ),
    ] = None

    intervals: Annotated[
        bool,
        Field(
            description="Say how sure uptime is: `uptime_expected`, `uptime_p05` and `uptime_p95` "
            "of each window in detail=full; 40 windows at most."
        ),
    ] = False
    outages: Annotated[
        bool,
        Field(description="List the outages, too, for `/reports/{report_id}/outages`."),
    ] = False

    @field_validator("calendar_timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in pytz.all_timezones_set:
            raise ValueError("not an IANA time zone, such as Europe/Berlin")
        return zone


class Triggered(BaseModel):
    """A report that is queued durably."""

    report_id: Annotated[str, Field(examples=["2fLRb9xhT0mrwV6sX3n8cQ"])]


class ReportRunning(BaseModel):
    """A report that is not complete yet."""

    report_id: str
    status: Literal["Running"]
    progress: float


class ReportFailed(BaseModel):
    """A report that will not be complete."""

    report_id: str
    status: Literal["Failed"]
    error: str


class TimeSpan(BaseModel):
    """A stretch of time, start inclusive, end exclusive."""

    start: Instant
    end: Instant


class FeedWindows(BaseModel):
    """The as-of instant of a feed, how far back it looks, and the windows that end there."""

    as_of: Instant
    looks_back_to: Instant
    last_hour: TimeSpan | None
    last_day: TimeSpan | None
    last_week: TimeSpan | None


class WindowInfo(BaseModel):
    """A window: elapsed time before the as-of instant, local dates, or [start, end)."""

    name: str
    unit: Annotated[Literal["minutes", "hours"], Field(description="Of its figures in a CSV.")]
    seconds: Annotated[float | None, Field(description="Of elapsed time: its length.")]
    first_date: Annotated[date | None, Field(description="Of local dates: the first.")]
    last_date: Annotated[date | None, Field(description="Of local dates: the last, inclusive.")]
    start: Instant | None
    end: Instant | None


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
    windows: list[WindowInfo]
    calendar_timezone: str
    intervals: Annotated[bool, Field(description="Whether it says how sure uptime is.")]
    outages: Annotated[bool, Field(description="Whether it was asked for outages.")]
    corrections: Annotated[
        list[str],
        Field(description="Ids of the corrections in its lookback, in the order they were made."),
    ]
    stores_asked: Annotated[
        int | None, Field(description="Number of store_ids given; null: all stores.")
    ]
    labels: Annotated[
        dict[str, list[str]] | None,
        Field(description="Only of stores with these labels.", examples=[{"region": ["west"]}]),
    ]
    label_keys: Annotated[
        list[str],
        Field(description="By which `group_by` groups its stores.", examples=[["region"]]),
    ]
    lookback_days: int
    heartbeat_expiry_seconds: int
    observed_within_minutes: int
    default_timezone: str
    target: Annotated[
        float | None,
        Field(description="In percent, of stores without a label `target`; null: none."),
    ]
    verdicts: Annotated[bool, Field(description="Whether it says which stores met their target.")]
    row_count: int | None
    triggered_at: Instant
    duration_seconds: Annotated[
        float | None, Field(description="From the start of the computation to its end.")
    ]
    error: str | None
    url: Annotated[str, Field(description="Path of the CSV.")]
    deliveries: Annotated[
        list[DeliveryInfo] | None,
        Field(
            description="To the webhook and the outbox. Only in the list of reports and in the "
            "description of one: a download never changes."
        ),
    ] = None


class ReportRows(ReportInfo):
    """A complete report with its rows, which have the columns of the CSV."""

    rows: list[dict[str, str | float | bool | None]]


def _feed(report: Report | Row[Any], as_of: datetime) -> FeedWindows:
    windows = windows_of(report)
    names = {window.name for window in windows}
    spans = {
        window.name: TimeSpan(start=as_of + timedelta(microseconds=window.start), end=as_of)
        if window.name in names
        else None
        for window in DEFAULT_WINDOWS
    }
    back = lookback(windows, to_us(as_of), report.lookback_days * DAY)
    return FeedWindows(as_of=as_of, looks_back_to=as_of - timedelta(microseconds=back), **spans)


def _window(window: Window) -> WindowInfo:
    dates = window.kind == "dates"
    instants = window.kind == "instants"
    return WindowInfo(
        name=window.name,
        unit="minutes" if window.is_short else "hours",
        seconds=-window.start / 1e6 if window.kind == "elapsed" else None,
        first_date=from_days(window.start) if dates else None,
        last_date=from_days(window.end - 1) if dates else None,
        start=from_us(window.start) if instants else None,
        end=from_us(window.end) if instants else None,
    )


def report_info(
    report: Report | Row[Any], root: str, deliveries: Sequence[Row[Any]] | None = None
) -> ReportInfo:
    """Return the description of a report, or of a row with its columns.

    `root` is what stands before the path in `url`; `deliveries` have the columns of `Delivery`.
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
            "polled": None if report.as_of_polled is None else _feed(report, report.as_of_polled),
            "beating": _feed(report, report.as_of_beating),
            "windows": [_window(window) for window in windows_of(report)],
            "calendar_timezone": report.calendar_timezone,
            "intervals": report.intervals,
            "outages": report.outages,
            "corrections": report.corrections or [],
            "stores_asked": None if report.stores is None else len(report.stores),
            "labels": report.labels,
            "label_keys": sorted(report.groups or ()),
            "lookback_days": report.lookback_days,
            "heartbeat_expiry_seconds": report.heartbeat_expiry_seconds,
            "observed_within_minutes": report.observed_within_minutes,
            "default_timezone": report.default_timezone,
            "target": None if report.target is None else report.target / 100,
            "verdicts": report.verdicts,
            "row_count": report.row_count,
            "triggered_at": report.created_at,
            "duration_seconds": duration,
            "error": report.error,
            "url": f"{root}/get_report/{report.report_id}",
            "deliveries": None if deliveries is None else [*map(delivery_info, deliveries)],
        }
    )
