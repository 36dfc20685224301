"""A store's time line over HTTP, and why it counts as it does at an instant."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.off_loop import off_loop
from openhours.errors import invalid
from openhours.reports.explain import (
    explain_instant,
    explain_piece,
    opening_and_closing,
    status_word,
    utc_offset,
)
from openhours.reports.pieces import Piece, Rule
from openhours.reports.schemas import TimeSpan
from openhours.reports.timeline import HoursRow, Timeline, deciding
from openhours.reports.timeline_query import Answer, timeline_of
from openhours.times import DAY, Instant, PastInstant, from_days, from_us, to_us
from openhours.uptime.dates import ALWAYS, CLOSED

router = APIRouter(prefix="/api/stores", tags=["time lines"])

Status = Literal["active", "inactive"]
_Start = Annotated[
    Instant | None,
    Query(alias="from", description="Start, inclusive; default one week before `to`."),
]
_End = Annotated[
    Instant | None, Query(description="End, exclusive, at most the as-of instant, its default.")
]
_AsOf = Annotated[
    PastInstant | None,
    Query(description="The as-of instant; default the newest poll, or now for a PC."),
]
_ReportId = Annotated[
    Text | None,
    Query(description="Use this report's as-of instant and options; not together with `as_of`."),
]
_NO_STORE: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such store or report, or the report does not cover the store."},
    409: {"description": "The report is not complete."},
}


class ObservationInfo(BaseModel):
    """A poll or heartbeat. `counts` is false outside business hours."""

    at: Instant
    status: Status
    counts: bool


class SegmentInfo(BaseModel):
    """A piece of open time, start inclusive, end exclusive; `status` null: unknown."""

    start: Instant
    end: Instant
    status: Status | None
    measured: Annotated[
        bool, Field(description="True near an observation that counts, false where filled in.")
    ]
    rule: Annotated[Rule, Field(description="How the status follows from the source.")]
    source: Annotated[Instant | None, Field(description="The observation that gives the status.")]
    reason: Annotated[
        str,
        Field(
            examples=[
                "10:44 to 11:15 down: nearest poll 11:15 inactive; "
                "open Mon 09:00-12:00 America/Denver (UTC-7)"
            ]
        ),
    ]


class HoursInfo(BaseModel):
    """A row of business hours in local time; day 0 is Monday. Without times: closed."""

    day: int
    start_time_local: Annotated[str | None, Field(examples=["09:00"])]
    end_time_local: Annotated[str | None, Field(examples=["17:30"])]
    valid_from: Annotated[
        date | None, Field(description="First local date of these hours; null: always valid.")
    ]
    special_date: Annotated[date | None, Field(description="Local date of special hours.")]
    every_store: Annotated[bool, Field(description="Special hours of all stores (`*`).")]


class StoreInfo(BaseModel):
    """A store, the as-of instant and the rules."""

    store_id: str
    feed: Annotated[
        Literal["polled", "beating"] | None, Field(description="null: no observation yet.")
    ]
    labels: Annotated[
        dict[str, str], Field(description="As they are now.", examples=[{"region": "west"}])
    ]
    timezone: str
    timezone_is_default: bool
    as_of: Instant
    interpolation: Literal["nearest", "previous"]
    report_id: str | None
    changed_since: Annotated[
        bool | None,
        Field(description="With `report_id`: true if the store's figures are different now."),
    ]


class TimelineInfo(StoreInfo):
    """A store's time line in [from, to). Segments cover its open time since its first data."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    known: bool
    uptime_seconds: Annotated[float | None, Field(description="null: unknown.")]
    downtime_seconds: float | None
    open: list[TimeSpan]
    hours: list[HoursInfo]
    special_hours: list[HoursInfo]
    segments: list[SegmentInfo]
    observations: list[ObservationInfo]


class ExplainInfo(StoreInfo):
    """The reason for the store's status at the instant `at`."""

    at: Instant
    open: bool
    segment: Annotated[
        SegmentInfo | None, Field(description="null: closed, or before the first observation.")
    ]
    observations: Annotated[
        list[ObservationInfo],
        Field(description="The observations that decide the segment's status and bounds."),
    ]
    hours: Annotated[list[HoursInfo], Field(description="The rows by which it is open at `at`.")]
    utc_offset: Annotated[str, Field(examples=["UTC-7"])]
    reason: str


@router.get("/{store_id:text}/timeline", response_model=TimelineInfo, responses=_NO_STORE)
async def timeline(
    engine: Engine,
    settings: ServerSettings,
    store_id: Text,
    start: _Start = None,
    to: _End = None,
    as_of: _AsOf = None,
    report_id: _ReportId = None,
) -> Response:
    """Return a store's open time, segments and observations.

    The segments of a window add up to the figures of a report. The range must lie within the
    lookback.
    """
    answer = await timeline_of(engine, settings, store_id, as_of, report_id)
    begins, ends = _bounds(answer.timeline, start, to)
    content = await off_loop(_timeline_json, answer, begins, ends)
    return Response(content, media_type="application/json")


def _timeline_json(answer: Answer, begins: int, ends: int) -> str:
    return timeline_info(answer, begins, ends).model_dump_json(by_alias=True)


@router.get("/{store_id:text}/explain", responses=_NO_STORE)
async def explain(
    engine: Engine,
    settings: ServerSettings,
    store_id: Text,
    at: Annotated[Instant, Query(description="Within the lookback, before the as-of instant.")],
    as_of: _AsOf = None,
    report_id: _ReportId = None,
) -> ExplainInfo:
    """Explain why a store counts as active, as inactive or not at all at an instant."""
    answer = await timeline_of(engine, settings, store_id, as_of, report_id)
    line = answer.timeline
    instant = to_us(at)
    if not line.since <= instant < line.as_of:
        raise invalid(f"must lie in {_lookback(line)}", "query", "at")
    piece = line.piece_at(instant)
    return ExplainInfo(
        **_store(answer),
        at=at,
        open=line.opening_at(instant) is not None,
        segment=None if piece is None else _segment(line, piece),
        observations=[] if piece is None else [_observed(line, n) for n in deciding(line, piece)],
        hours=[_hours(row) for row in line.hours_at(instant)],
        utc_offset=utc_offset(instant, line.zone),
        reason=explain_instant(line, instant),
    )


def timeline_info(answer: Answer, begins: int, ends: int) -> TimelineInfo:
    """Return the time line as JSON, cut to [begins, ends) in µs."""
    line = answer.timeline
    pieces = line.within(begins, ends)
    sums = dict.fromkeys((True, False), 0)
    for piece in pieces:
        sums[piece.active] += piece.length
    opened = zip(line.opened.start.tolist(), line.opened.end.tolist(), strict=True)
    return TimelineInfo(
        **_store(answer),
        from_=from_us(begins),
        to=from_us(ends),
        known=line.known,
        uptime_seconds=sums[True] / 1e6 if line.known else None,
        downtime_seconds=sums[False] / 1e6 if line.known else None,
        open=[
            TimeSpan(start=from_us(max(start, begins)), end=from_us(min(end, ends)))
            for start, end in opened
            if start < ends and end > begins
        ],
        hours=[_hours(row) for row in line.hours],
        special_hours=[_hours(row) for row in line.special],
        segments=[_segment(line, piece) for piece in pieces],
        observations=[
            _observed(line, n)
            for n, at in enumerate(line.observations.at.tolist())
            if begins <= at < ends
        ],
    )


def _bounds(line: Timeline, start: datetime | None, to: datetime | None) -> tuple[int, int]:
    ends = line.as_of if to is None else to_us(to)
    begins = max(line.since, ends - 7 * DAY) if start is None else to_us(start)
    if ends > line.as_of:
        raise invalid(f"must lie in {_lookback(line)}", "query", "to")
    if begins < line.since:
        raise invalid(f"must lie in {_lookback(line)}", "query", "from")
    if begins >= ends:
        raise invalid("from must be before to", "query", "from")
    return begins, ends


def _lookback(line: Timeline) -> str:
    days = line.lookback // DAY
    return f"the {days} days before {from_us(line.as_of).isoformat()}, the as-of instant"


def _store(answer: Answer) -> dict[str, Any]:
    line = answer.timeline
    return {
        "store_id": line.store_id,
        "feed": line.feed,
        "labels": answer.labels,
        "timezone": line.zone,
        "timezone_is_default": line.zone_is_default,
        "as_of": from_us(line.as_of),
        "interpolation": line.query.rules.interpolation,
        "report_id": None if answer.report is None else answer.report.report_id,
        "changed_since": answer.changed_since,
    }


def _hours(row: HoursRow) -> HoursInfo:
    opens, closes = (None, None) if row.opens == CLOSED else opening_and_closing(row)
    return HoursInfo(
        day=row.day,
        start_time_local=opens,
        end_time_local=closes,
        valid_from=None if row.valid_from == ALWAYS else from_days(row.valid_from),
        special_date=None if row.date is None else from_days(row.date),
        every_store=row.every,
    )


def _segment(line: Timeline, piece: Piece) -> SegmentInfo:
    source = None if piece.source < 0 else from_us(int(line.observations.at[piece.source]))
    return SegmentInfo(
        start=from_us(piece.start),
        end=from_us(piece.end),
        status=None if piece.rule == "unknown" else status_word(piece.active),
        measured=piece.measured,
        rule=piece.rule,
        source=source,
        reason=explain_piece(line, piece),
    )


def _observed(line: Timeline, n: int) -> ObservationInfo:
    at = int(line.observations.at[n])
    return ObservationInfo(
        at=from_us(at),
        status=status_word(bool(line.observations.active[n])),
        counts=line.opening_at(at) is not None,
    )
