"""`/`: the present state, the latest figures, and two things to do: add files, get a report."""

from datetime import timedelta
from functools import partial

from fastapi import APIRouter, Request, Response

from openhours.api.dependencies import Engine
from openhours.api.health import Watch
from openhours.ingestion.queries import count_files_since
from openhours.reports.queries import latest_report
from openhours.stores.tables import POLLED
from openhours.times import now
from openhours.web import queries
from openhours.web.file_words import KINDS, NEEDED
from openhours.web.formatting import zone_of
from openhours.web.groups import GroupBy, find_groups
from openhours.web.kept import KeptResults
from openhours.web.page_route import PageRoute
from openhours.web.render import page
from openhours.web.store_figures import check_rows, counts, with_figures, worst
from openhours.web.strip import strip_of
from openhours.web.windows import DAY, DEFAULTS

# `GET /` is an endpoint, too.
router = APIRouter(include_in_schema=False, route_class=PageRoute)

_MAX_WORST = 8
_MAX_FILES = 6
_OLD = timedelta(days=1)  # of the newest poll: the page tells how old it is


@router.get("/")
async def overview(
    request: Request, engine: Engine, kept: KeptResults, watch: Watch, group_by: GroupBy = None
) -> Response:
    """Show the state of everything at a glance."""
    async with engine.connect() as connection:
        report = await latest_report(connection)
        by_feed, longest, groups, since = {}, [], None, 0
        if report is not None:
            since = await count_files_since(connection, report.attempted_at or report.created_at)
            await check_rows(connection, report)
            by_feed = counts(report, [DAY.position])
            finding = partial(worst, connection, report, _MAX_WORST)
            # Only which ones: their names may change.
            store_pks = await kept.get(("worst", report.report_id, _MAX_WORST), finding)
            longest = await with_figures(connection, report, store_pks)
            # A bookmark of a label that is gone shows another one.
            key = group_by if group_by in (report.groups or {}) else None
            groups = await find_groups(connection, report, key, DAY.position, _MAX_WORST)
        feed = next(iter(by_feed), POLLED)
        newest = await queries.newest_observations(connection)
        poll = newest[POLLED]
        return page(
            request,
            "overview.html",
            age=None if poll is None or now() - poll < _OLD else now() - poll,
            since=since,
            no_worker=watch.no_worker,
            stores=await queries.stores_by_feed(connection),
            newest=newest,
            running=await queries.count_unfinished_jobs(connection),
            kinds=KINDS,
            needed=NEEDED,
            files=await queries.latest_files(connection, _MAX_FILES),
            report=report,
            strip=None if report is None else strip_of(report, zone_of(request)),
            feed=feed,
            counts=by_feed[feed][0] if by_feed else None,
            windows=DEFAULTS,
            worst=longest,
            groups=groups,
        )
