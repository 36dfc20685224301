"""`/pcs`: all PCs and whether they are on; of one, when it was on, its hours, its heartbeats."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.users import Timezone
from openhours.agent.names import PREFIX
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.off_loop import off_loop
from openhours.errors import Invalid, invalid, located
from openhours.heartbeats.queries import Pc, find_pc, list_heartbeats, list_pcs
from openhours.reports.timeline import Timeline
from openhours.reports.timeline_query import timeline_of
from openhours.settings import Settings
from openhours.stores import hours
from openhours.stores.hours import Row, StoreHours
from openhours.times import local_time, now, to_us
from openhours.web import charts, pc_range
from openhours.web.formatting import zone_of
from openhours.web.forms import wrong_fields
from openhours.web.local_time import to_minute_input
from openhours.web.pc_range import Asked, Range
from openhours.web.render import page
from openhours.web.stretches import stretches, time_on

router = APIRouter(include_in_schema=False)

_PAGE = 100
_MAX_PCS = 500
_MAX_STRETCHES = 100
_timezone: TypeAdapter[str] = TypeAdapter(Timezone)

PcName = Annotated[Text, Query(max_length=64)]
AskedRange = Annotated[Asked, Depends(pc_range.asked)]


class HoursForm(BaseModel):
    """The hours of a PC and their time zone, as they were sent."""

    hours: str = ""
    timezone: str = ""

    def rows(self) -> list[Row]:
        """Return the hours of a week. Raise Invalid."""
        with located("body", "hours"):
            return hours.parse_week(self.hours.split())

    def zone(self) -> str:
        """Return the time zone. Raise Invalid."""
        try:
            return _timezone.validate_python(self.timezone.strip())
        except ValidationError:
            words = "not an IANA time zone, such as Europe/Berlin"
            raise invalid(words, "body", "timezone") from None


@router.get("/pcs")
async def pcs(
    request: Request, engine: Engine, settings: ServerSettings, asked: AskedRange, pc: PcName = ""
) -> Response:
    """Show all PCs; or the one that is named, or that is the only one."""
    async with engine.connect() as connection:
        known = [await find_pc(connection, pc)] if pc else await list_pcs(connection, _MAX_PCS)
    if len(known) == 1:
        return await _one(request, engine, settings, known[0], asked)
    shown, wrong = _range(asked, zone_of(request))
    history = await _history(engine, None, asked, shown, zone_of(request), wrong)
    expiry = timedelta(seconds=settings.heartbeat_expiry_seconds)

    def drawn() -> Response:
        return page(
            request,
            "pcs.html",
            422 if wrong else 200,
            pcs=[(one, one.is_on(expiry)) for one in known],
            most=_MAX_PCS,
            base=settings.public_url or str(request.base_url).rstrip("/"),
            wrong=wrong,
            **history,
        )

    return await off_loop(drawn)


@router.post("/pcs/hours")
async def set_hours(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    asked: AskedRange,
    pc: PcName,
    form: Annotated[HoursForm, Form()],
) -> Response:
    """Set a PC's time zone and the hours that are valid now; or say what is wrong with them."""
    async with engine.connect() as connection:
        known = await find_pc(connection, pc)
    try:
        rows, zone = form.rows(), form.zone()
    except Invalid as error:
        return await _one(request, engine, settings, known, asked, form, error)
    stored = await _stored(engine, known)
    version = hours.version_on(stored.versions, local_time(now(), zone).date())
    await hours.set_hours(engine, stored.store_id, rows, version.valid_from)
    await hours.set_timezone(engine, stored.store_id, zone)
    return RedirectResponse(f"/pcs{asked.query(pc)}", 303)


async def _one(
    request: Request,
    engine: AsyncEngine,
    settings: Settings,
    pc: Pc,
    asked: Asked,
    form: HoursForm | None = None,
    refusal: Invalid | None = None,
) -> Response:
    """Return the page of a PC; after a refusal with the form as it was sent, and what is wrong."""
    stored = await _stored(engine, pc)
    shown, wrong = _range(asked, _zone(request, settings, stored))
    line = await _line(engine, settings, stored, shown, zone_of(request))
    history = await _history(engine, pc.name, asked, shown, line.zone, wrong)
    wrong |= wrong_fields(refusal)
    begins, ends = to_us(shown.begins), to_us(shown.ends)
    version = hours.version_on(stored.versions, local_time(now(), line.zone).date())
    written = HoursForm(hours=hours.written(version.rows), timezone=line.zone)

    def drawn() -> Response:
        found = stretches(line, begins, ends)
        return page(
            request,
            "pc.html",
            422 if wrong else 200,
            pc=pc,
            is_on=pc.is_on(timedelta(seconds=settings.heartbeat_expiry_seconds)),
            line=line,
            days=charts.week_of(line, begins, ends, to_us(asked.at) if asked.at else None),
            stretches=found[:_MAX_STRETCHES],
            left_out=max(0, len(found) - _MAX_STRETCHES),
            on_us=time_on(found),
            shown=shown,
            max_days=pc_range.MAX_DAYS,
            neighbours=pc_range.neighbours(shown, line.zone),
            hours=written.hours,
            versions=len(stored.versions),
            form=form or written,
            wrong=wrong,
            **history,
        )

    return await off_loop(drawn)


async def _stored(engine: AsyncEngine, pc: Pc) -> StoreHours:
    stored = await hours.hours_of(engine, PREFIX + pc.name)
    assert stored is not None  # stores are never deleted
    return stored


def _zone(request: Request, settings: Settings, stored: StoreHours) -> str:
    """Return the PC's time zone; where it decides nothing, for there are no hours, the viewer's."""
    if stored.timezone is None and not stored.versions:
        return zone_of(request)
    return stored.timezone or settings.default_timezone


def _range(asked: Asked, zone: str) -> tuple[Range, dict[str, str]]:
    """Return the range and what is wrong with it: then the range is the usual one."""
    try:
        return pc_range.range_of(asked, zone), {}
    except Invalid as error:
        return pc_range.range_of(Asked(), zone), wrong_fields(error)


async def _line(
    engine: AsyncEngine, settings: Settings, stored: StoreHours, shown: Range, viewer: str
) -> Timeline:
    days = (shown.ends - shown.begins).days + 1
    long = settings.model_copy(update={"lookback_days": max(settings.lookback_days, days)})
    line = (await timeline_of(engine, long, stored.store_id, shown.ends, None)).timeline
    if line.zone_is_default and not (line.hours or line.special):
        return replace(line, zone=viewer)
    return line


async def _history(
    engine: AsyncEngine,
    pc: str | None,
    asked: Asked,
    shown: Range,
    zone: str,
    wrong: Mapping[str, str],
) -> dict[str, Any]:
    """Return a page of heartbeats, newest first, and what the form of the range says."""
    async with engine.connect() as connection:
        beats = await list_heartbeats(
            connection,
            pc=pc,
            since=shown.since,
            until=shown.until,
            limit=_PAGE,
            cursor=asked.cursor,
        )
    here = Asked(to_minute_input(shown.since, zone), to_minute_input(shown.until, zone), zone)
    return {
        "zone": zone,
        "beats": [(row.event_time, row.store_id.removeprefix(PREFIX)) for row in beats.rows],
        "following": beats.next_cursor,
        "since": asked.since if wrong else here.since,
        "until": asked.until if wrong else here.until,
        "link": partial(here.query, pc or ""),
    }
