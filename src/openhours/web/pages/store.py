"""`/stores/<id>`: one store."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Row

from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.off_loop import off_loop
from openhours.errors import invalid
from openhours.reports.explain import explain_instant, opening_and_closing, utc_offset
from openhours.reports.timeline import Timeline
from openhours.reports.timeline_query import timeline_of
from openhours.stores.labels import NAME
from openhours.times import (
    WEEKDAYS,
    Instant,
    PastInstant,
    from_days,
    from_us,
    iso,
    local_time,
    to_days,
    to_us,
)
from openhours.uptime.dates import CLOSED
from openhours.web import charts, formatting
from openhours.web.forms import BLANK_IS_NONE
from openhours.web.intervals import find_intervals
from openhours.web.outages import OutageRow, outage_row
from openhours.web.render import page
from openhours.web.store_week import Week, end_of, latest_week, week_until

router = APIRouter(include_in_schema=False)

_MAX_TILES = 31
_MAX_OUTAGES = 100


OptionalDate = Annotated[
    Annotated[date, Query(description="Show the week in which this local date is.")] | None,
    BLANK_IS_NONE,
]


@router.get("/stores/{store_id:text}")
async def store(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    store_id: Text,
    report_id: Text | None = None,
    as_of: PastInstant | None = None,
    back: Annotated[int, Query(ge=0, le=1_500, description="How many weeks before T.")] = 0,
    day: Annotated[OptionalDate, Query(alias="date")] = None,
    at: Instant | None = None,
) -> Response:
    """Show one store: a chart of its week, and why each moment counts as it does.

    The date may lie before all that a report would look back to: then it is as of its end.
    """
    answer = await timeline_of(engine, settings, store_id, as_of, report_id)
    week = latest_week(answer.timeline, back)
    if day is not None:
        ends = end_of(day, answer.timeline.zone)
        found = week_until(answer.timeline, ends)
        if found is None and answer.report is not None:
            since = formatting.when(answer.timeline.since, answer.timeline.zone).striptags()
            raise invalid(f"the report looks back to {since}", "query", "date")
        if found is None:
            as_of = from_us(ends)
            answer = await timeline_of(engine, settings, store_id, as_of, None)
        week = found or latest_week(answer.timeline, 0)
    line = answer.timeline
    async with engine.connect() as connection:
        row = await find_intervals(connection, line, answer.report)
    name = answer.labels.get(NAME)
    query: dict[str, Any] = {"report_id": report_id, "as_of": as_of and iso(as_of)}
    instant = None if at is None else to_us(at)

    def link(**changes: object) -> str:
        return formatting.query_of(query | changes)

    def drawn() -> Response:
        outages = _outages(week, query)
        days = charts.week_of(line, week.begins, week.ends, instant)
        elsewhere = instant is not None and not week.begins <= instant < week.ends
        return page(
            request,
            "store.html",
            line=line,
            week=week,
            name=name,
            labels=[(key, value) for key, value in answer.labels.items() if key != NAME],
            report=answer.report,
            changed_since=answer.changed_since,
            windows=[week.figures()] if week.back else _windows(line, row),
            row=row,
            days=days,
            begins=formatting.when(week.begins, line.zone),
            ends=formatting.when(week.ends, line.zone),
            as_of=formatting.when(line.as_of, line.zone),
            looks_back_to=formatting.when(line.since, line.zone),
            earliest=local_time(line.since, line.zone).date() if answer.report else None,
            latest=local_time(line.as_of, line.zone).date() if as_of is None else None,
            query=query,
            offset=utc_offset(line.as_of, line.zone),
            hours_by_day=_by_day(line),
            special_hours=_special(line),
            outages=outages,
            outage_count=0 if line.outages is None else len(line.outages.store),
            summary=week.summary(name, outages),
            why=explain_instant(line, instant) if instant is not None and elsewhere else None,
            link=link,
        )

    return await off_loop(drawn)


def _windows(line: Timeline, row: Row[Any] | None) -> list[dict[str, Any]]:
    """Return the store's figures as of T, as a report has them; how sure they are, from its row."""
    if line.figures is None:
        return []
    return [
        {
            "words": formatting.window_words(window.name),
            "short": window.is_short,
            "known": line.known,
            "open": int(line.figures.open[n, 0]),
            "up": int(line.figures.up[n, 0]),
            "observed": int(line.figures.observed[n, 0]),
            "p05": row and row.p05 and row.p05[n],
            "p95": row and row.p95 and row.p95[n],
            "verdict": row and row.verdict and row.verdict[n],
        }
        for n, window in enumerate(line.query.windows[:_MAX_TILES])
    ]


def _outages(week: Week, query: Mapping[str, object]) -> list[OutageRow]:
    """Return the outages that meet a week, the newest first. `query` is that of the page."""
    line = week.line
    if line.outages is None:
        return []
    met = (line.outages.began_at < week.ends) & (line.outages.ended_at > week.begins)
    newest = np.flatnonzero(met)[::-1][:_MAX_OUTAGES]
    columns = (column[newest].tolist() for column in vars(line.outages).values())
    return [
        outage_row(
            line.store_id,
            None,
            began_at=began_at,
            ended_at=None if ongoing else ended_at,
            downtime=downtime,
            observations=observations,
            as_of=line.as_of,
            zone=line.zone,
            query=query,
        )
        for _, began_at, ended_at, _, _, downtime, observations, ongoing in zip(
            *columns, strict=True
        )
    ]


def _by_day(line: Timeline) -> list[tuple[str, str]]:
    """Return the week's hours on the day of T, each weekday with its spans."""
    week = line.week_on(to_days(local_time(line.as_of, line.zone).date()))
    spans = [
        (row.day, " to ".join(opening_and_closing(row))) for row in week if row.opens != CLOSED
    ]
    return [
        (name, ", ".join(span for of, span in spans if of == day) or "closed")
        for day, name in enumerate(WEEKDAYS)
        if week
    ]


def _special(line: Timeline) -> list[tuple[str, str]]:
    """Return the dates of special hours, the newest first, each with its spans."""
    dates = sorted({row.date for row in line.special if row.date is not None}, reverse=True)
    return [
        (
            f"{formatting.short_date(from_days(date))} {from_days(date).year}",
            ", ".join(
                " to ".join(opening_and_closing(row))
                for row in line.special_on(date)
                if row.opens != CLOSED
            )
            or "closed",
        )
        for date in dates
    ]
