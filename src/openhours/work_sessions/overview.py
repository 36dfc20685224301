"""`GET /api/v1/sessions/<username>/overview`."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, get_args

import numpy as np
import pytz
from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from sqlalchemy import func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.accounts.tables import User
from openhours.accounts.tokens import UserName
from openhours.api.dependencies import Engine, ServerSettings
from openhours.errors import Unauthenticated, invalid
from openhours.settings import Settings, Weekday
from openhours.times import DAY, EARLIEST, Instant, from_us, parse_instant, to_us
from openhours.uptime.clocks import to_utc
from openhours.work_sessions import sessions
from openhours.work_sessions.api import Owner
from openhours.work_sessions.periods import (
    By,
    Overlap,
    Period,
    Worked,
    covered_ms,
    fill,
    overlaps,
    periods,
    usual_start,
)
from openhours.work_sessions.tables import WorkSession

router = APIRouter(prefix="/api/v1/sessions", tags=["work sessions"])

_MOST_PERIODS = 4000
_DAYS = {"day": 1, "week": 7, "month": 28}


def _parse_moment(value: Any) -> date | datetime:
    if isinstance(value, str) and len(value) == len("2024-03-31"):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError("not a date, such as 2024-03-31") from None
        if not EARLIEST.year <= day.year <= 9998:
            raise ValueError("a date must lie between the years 2000 and 9998")
        return day
    return parse_instant(value)


Moment = Annotated[
    Any,
    BeforeValidator(_parse_moment),
    WithJsonSchema({"type": "string", "examples": ["2024-03-31", "2024-03-31T08:00:00Z"]}),
]


class NameTotal(BaseModel):
    """How long was worked under a name."""

    name: str
    time: Annotated[int, Field(description="Milliseconds.")]


class PeriodTotal(BaseModel):
    """A day, week or month of the user's calendar, cut to the range."""

    date: Annotated[date, Field(description="The first day of it.")]
    start: Instant
    end: Instant
    time: Annotated[int, Field(description="Milliseconds.")]
    names: list[NameTotal]


class OverlapInfo(BaseModel):
    """Time that more than one session has: every one of them counts it."""

    start: Instant
    end: Instant
    time: int
    sessions: Annotated[list[int], Field(description="Their ids.")]


class Overview(BaseModel):
    """How long was worked in [from, to). A running session counts up to now."""

    model_config = ConfigDict(populate_by_name=True)

    username: str
    timezone: str
    by: By
    week_starts_on: Weekday
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    time: Annotated[int, Field(description="Milliseconds of all sessions, overlaps each time.")]
    time_without_overlaps: Annotated[
        int, Field(description="Milliseconds in which any session ran.")
    ]
    names: Annotated[list[NameTotal], Field(description="Longest first.")]
    periods: list[PeriodTotal]
    overlaps: list[OverlapInfo]
    long: Annotated[
        list[int], Field(description="Ids of sessions longer than OPENHOURS_LONG_SESSION_HOURS.")
    ]


@router.get("/{username}/overview")
async def overview(
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    by: By = "day",
    start: Annotated[
        Moment | None,
        Query(alias="from", description="A date in the user's zone, or an instant; it is in."),
    ] = None,
    to: Annotated[Moment | None, Query(description="A date or an instant; it is out.")] = None,
) -> Overview:
    """Time worked by day, week or month of the user's zone, and by name.

    A session across midnight is split. Sessions that overlap each count in full, and the overlaps
    are listed. Without `from` and `to`: the last 7 days, 8 weeks or 12 months.
    """
    async with engine.connect() as connection:
        zone, present = await _zone_and_now(connection, user)
        week_starts_on = get_args(Weekday).index(settings.week_starts_on)
        begins, ends = _range(by, zone, week_starts_on, present, start, to)
        worked = await _sessions(connection, user, begins, ends)
    found = periods(by, zone, week_starts_on, begins, ends)
    fill(found, worked)
    return Overview.model_validate({"by": by, **_overview(settings, user, zone, found, worked)})


async def _zone_and_now(connection: AsyncConnection, user: UserName) -> tuple[str, int]:
    query = select(User.timezone, func.clock_timestamp()).where(User.id == user.id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise Unauthenticated("this account no longer exists")
    return row[0], to_us(row[1])


def _range(
    by: By,
    zone: str,
    week_starts_on: int,
    present: int,
    start: date | datetime | None,
    to: date | datetime | None,
) -> tuple[int, int]:
    ends = _instant(_local_day(present, zone) + timedelta(days=1) if to is None else to, zone)
    if start is None:
        start = usual_start(by, week_starts_on, _local_day(ends - 1, zone))
    begins = _instant(start, zone)
    if begins >= ends:
        raise invalid("from must be before to", "query", "from")
    if (ends - begins) // (DAY * _DAYS[by]) > _MOST_PERIODS:
        raise invalid(
            f"more than {_MOST_PERIODS:,} periods: ask for less, or for longer ones",
            "query",
            "from",
        )
    return begins, ends


def _local_day(instant: int, zone: str) -> date:
    return from_us(instant).astimezone(pytz.timezone(zone)).date()


def _instant(moment: date | datetime, zone: str) -> int:
    if isinstance(moment, datetime):
        return to_us(moment)
    midnight = to_us(datetime.combine(moment, time(), UTC))
    return int(to_utc(np.array([midnight]), zone)[0])


async def _sessions(
    connection: AsyncConnection, user: UserName, begins: int, ends: int
) -> list[Worked]:
    length = WorkSession.time_ms * timedelta(milliseconds=1)
    end = type_coerce(WorkSession.started_at + length, WorkSession.started_at.type)
    query = (
        select(*sessions.COLUMNS)
        .where(
            WorkSession.user_id == user.id,
            WorkSession.started_at < from_us(ends),
            or_(WorkSession.time_ms.is_(None), end > from_us(begins)),
        )
        .order_by(WorkSession.started_at, WorkSession.id)
    )
    rows = (await connection.execute(query)).all()
    starts = [to_us(row.started_at) for row in rows]
    return [
        Worked(row.id, row.name, start, start + row.time_ms * 1000)
        for row, start in zip(rows, starts, strict=True)
    ]


def _overview(
    settings: Settings,
    user: UserName,
    zone: str,
    found: list[Period],
    worked: list[Worked],
) -> dict[str, Any]:
    names: Counter[str] = Counter()
    for period in found:
        names.update(period.ms_by_name)
    begins, ends = found[0].start, found[-1].end
    longest = settings.long_session_hours * 3_600_000_000
    return {
        "username": user.username,
        "timezone": zone,
        "week_starts_on": settings.week_starts_on,
        "from": from_us(begins),
        "to": from_us(ends),
        "time": names.total(),
        "time_without_overlaps": covered_ms(worked, begins, ends),
        "names": _by_name(names),
        "periods": [_period(period) for period in found],
        "overlaps": [_overlap(one) for one in overlaps(worked, begins, ends)],
        "long": [one.id for one in worked if one.end - one.start > longest],
    }


def _period(period: Period) -> PeriodTotal:
    return PeriodTotal(
        date=period.day,
        start=from_us(period.start),
        end=from_us(period.end),
        time=period.ms_by_name.total(),
        names=_by_name(period.ms_by_name),
    )


def _overlap(overlap: Overlap) -> OverlapInfo:
    return OverlapInfo(
        start=from_us(overlap.start),
        end=from_us(overlap.end),
        time=(overlap.end - overlap.start) // 1000,
        sessions=list(overlap.sessions),
    )


def _by_name(names: Counter[str]) -> list[NameTotal]:
    return [NameTotal(name=name, time=ms) for name, ms in names.most_common()]
