"""`/`: what is there, how it was of late, and the two things to do: bring files, get a report."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.dependencies import Engine
from openhours.api.health import Watch
from openhours.heartbeats.tables import Heartbeat
from openhours.ingestion.queries import find_ingestion
from openhours.stores.tables import BEATING, POLLED, FeedClock, Ingestion, RejectedRow, Store
from openhours.web import charts, queries
from openhours.web.formatting import zone_of
from openhours.web.page_route import PageRoute
from openhours.web.render import page

router = APIRouter(include_in_schema=False)
# `GET /` is an endpoint, too.
beside = APIRouter(include_in_schema=False, route_class=PageRoute)

_WORST = 8
_FILES = 6
_REJECTS = 100


@beside.get("/")
async def overview(request: Request, engine: Engine, watch: Watch) -> Response:
    """The state of everything at a glance."""
    async with engine.connect() as connection:
        report = await queries.latest_report(connection)
        counts, worst = None, []
        if report is not None:
            counts = await queries.counts(connection, report.id, "day")
            worst = await queries.worst(connection, report.id, _WORST)
        return page(
            request,
            "overview.html",
            no_worker=watch.no_worker,
            stores=await _stores(connection),
            newest=await _newest(connection),
            running=await _running(connection),
            files=await _files(connection),
            report=report,
            strip=[] if report is None else charts.strip_of(report, zone_of(request)),
            counts=counts,
            worst=worst,
        )


async def _stores(connection: AsyncConnection) -> dict[str | None, int]:
    query = select(Store.feed, func.count()).group_by(Store.feed)
    rows = (await connection.execute(query)).all()
    return {row[0]: row[1] for row in rows}


async def _newest(connection: AsyncConnection) -> dict[str, Any]:
    """The newest observation of each feed; None where there is none."""
    poll = select(FeedClock.newest_at).where(FeedClock.feed == POLLED).scalar_subquery()
    beat = select(func.max(Heartbeat.event_time)).scalar_subquery()
    row = (await connection.execute(select(poll, beat))).one()
    return {POLLED: row[0], BEATING: row[1]}


async def _running(connection: AsyncConnection) -> int:
    query = text("""
        SELECT (SELECT count(*) FROM reports WHERE state IN ('queued', 'running'))
             + (SELECT count(*) FROM ingestions WHERE state IN ('queued', 'running'))
    """)
    return int((await connection.execute(query)).scalar_one())


async def _files(connection: AsyncConnection) -> list[Any]:
    query = select(*Ingestion.__table__.columns).order_by(Ingestion.id.desc()).limit(_FILES)
    return list((await connection.execute(query)).all())


@router.get("/files/{ingestion_id}")
async def file(request: Request, engine: Engine, ingestion_id: str) -> Response:
    """What became of a file, and what of it was set aside, with the reasons."""
    ingestion = await find_ingestion(engine, ingestion_id)
    of = RejectedRow.ingestion == ingestion.id
    reasons = (
        select(RejectedRow.reason, func.count().label("rows"))
        .where(of)
        .group_by(RejectedRow.reason)
        .order_by(func.count().desc(), RejectedRow.reason)
    )
    first = (
        select(RejectedRow.line, RejectedRow.reason, RejectedRow.raw)
        .where(of)
        .order_by(RejectedRow.line)
        .limit(_REJECTS)
    )
    async with engine.connect() as connection:
        return page(
            request,
            "file.html",
            file=ingestion,
            reasons=(await connection.execute(reasons)).all(),
            rejects=[
                (row.line, row.reason, row.raw.decode(errors="backslashreplace"))
                for row in (await connection.execute(first)).all()
            ],
        )
