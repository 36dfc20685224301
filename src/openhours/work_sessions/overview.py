"""Building the overview of a user's time: read the sessions, cut them into periods, sum them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, get_args

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.tables import User
from openhours.accounts.tokens import UserName
from openhours.api.off_loop import off_loop
from openhours.errors import Unauthenticated, invalid
from openhours.settings import Settings, Weekday
from openhours.times import DAY, from_us, local_time, to_us
from openhours.uptime.clocks import to_utc
from openhours.work_sessions import sessions
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
from openhours.work_sessions.schemas import NameTotal, OverlapInfo, Overview, PeriodTotal
from openhours.work_sessions.tables import WorkSession

_MAX_PERIODS = 4000
_DAYS = {"day": 1, "week": 7, "month": 28}


async def build_overview(
    engine: AsyncEngine,
    settings: Settings,
    user: UserName,
    by: By,
    start: date | datetime | None = None,
    to: date | datetime | None = None,
) -> Overview:
    """Return the time worked in [start, to), dates being midnights in the user's time zone.

    By default the last 7 days, 8 weeks or 12 months. Raise Invalid for a bad range.
    """
    async with engine.connect() as connection:
        zone, present = await _zone_and_now(connection, user)
        begins, ends = _range(by, zone, first_weekday(settings), present, start, to)
        rows = await _sessions(connection, user, begins, ends)

    def summed() -> Overview:
        worked = [_worked(row) for row in rows]
        found = periods(by, zone, first_weekday(settings), begins, ends)
        fill(found, worked)
        return Overview.model_validate({"by": by, **_overview(settings, user, zone, found, worked)})

    return await off_loop(summed)


def first_weekday(settings: Settings) -> int:
    """Return the weekday on which weeks begin, 0 for Monday."""
    return get_args(Weekday).index(settings.week_starts_on)


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
    if (ends - begins) // (DAY * _DAYS[by]) > _MAX_PERIODS:
        raise invalid(
            f"more than {_MAX_PERIODS:,} periods: choose a shorter range or longer periods",
            "query",
            "from",
        )
    return begins, ends


def _local_day(instant: int, zone: str) -> date:
    return local_time(instant, zone).date()


def _instant(moment: date | datetime, zone: str) -> int:
    if isinstance(moment, datetime):
        return to_us(moment)
    midnight = to_us(datetime.combine(moment, time(), UTC))
    return int(to_utc(np.array([midnight]), zone)[0])


async def _sessions(
    connection: AsyncConnection, user: UserName, begins: int, ends: int
) -> Sequence[sessions.SessionRow]:
    query = (
        select(*sessions.COLUMNS)
        .where(*sessions.of_user(user.id), *sessions.within(from_us(begins), from_us(ends)))
        .order_by(WorkSession.started_at, WorkSession.id)
    )
    return (await connection.execute(query)).all()


def _worked(row: sessions.SessionRow) -> Worked:
    start = to_us(row.started_at)
    return Worked(row.id, row.name, start, start + row.time_ms * 1000)


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
    name_of = {one.id: one.name for one in worked}
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
        "overlaps": [_overlap(one, name_of) for one in overlaps(worked, begins, ends)],
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


def _overlap(overlap: Overlap, name_of: Mapping[int, str]) -> OverlapInfo:
    return OverlapInfo(
        start=from_us(overlap.start),
        end=from_us(overlap.end),
        time=(overlap.end - overlap.start) // 1000,
        sessions=list(overlap.sessions),
        names=list(dict.fromkeys(name_of[one] for one in overlap.sessions)),
    )


def _by_name(names: Counter[str]) -> list[NameTotal]:
    return [NameTotal(name=name, time=ms) for name, ms in names.most_common()]
