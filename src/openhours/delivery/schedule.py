"""Scheduled reports.

One row says which was made last, and changes in the transaction that triggers the next: so each is
made once, however many workers look, and of those missed only the last.
"""

import logging
from datetime import datetime

from croniter import croniter
from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.delivery.tables import ReportSchedule
from openhours.errors import FieldProblem, Invalid, SettingsError, TooManyRequests, readable_message
from openhours.reports.schemas import ReportOptions
from openhours.reports.tables import Report
from openhours.reports.trigger import trigger
from openhours.reports.windows import parse_windows
from openhours.reports.write import fail_in
from openhours.settings import Settings
from openhours.times import now, to_us

log = logging.getLogger(__name__)

SCHEDULE = "scheduled reports"


def options_of(settings: Settings) -> ReportOptions:
    """Return what the schedule's reports are asked for.

    Raise SettingsError for what no report can be asked for; stores and labels are not looked up.
    """
    try:
        options = ReportOptions.model_validate_json(settings.report_options or "{}")
        zone = options.calendar_timezone or settings.default_timezone
        parse_windows(options.windows or ["last_day"], to_us(now()), zone)
    except ValidationError as error:
        problems = [
            FieldProblem(one["loc"], readable_message(one["msg"])) for one in error.errors()
        ]
        raise SettingsError(_wrong(Invalid(problems))) from None
    except Invalid as error:
        raise SettingsError(_wrong(error)) from None
    return options


def _wrong(error: Invalid) -> str:
    problems = (
        ": ".join(filter(None, [".".join(map(str, path)), message]))
        for path, message in error.problems
    )
    return f"OPENHOURS_REPORT_OPTIONS is wrong: {'; '.join(problems)}"


def next_report_at(settings: Settings) -> datetime | None:
    """Return when the next report is due, None without a schedule."""
    if settings.report_cron is None:
        return None
    at: datetime = croniter(settings.report_cron, now()).get_next(datetime)
    return at


async def make_due_report(engine: AsyncEngine, settings: Settings) -> None:
    """Trigger the report that was due last, unless that is done; it may be called at any time.

    A report that cannot be made, say of a label that is gone, is one that failed: who is told of
    failures is told. While too many wait it is left to the next call.
    """
    cron = settings.report_cron
    if cron is None:
        return
    options = options_of(settings)
    async with engine.begin() as connection:
        present = now()
        due: datetime = croniter(cron, present).get_prev(datetime)
        if await _made_until(connection, cron, present) >= due:
            return
        try:
            report_id = await _trigger(connection, settings, options)
        except TooManyRequests as error:
            log.warning("the report of %s is not made yet: %s", due, error)
            return
        await connection.execute(update(ReportSchedule).values(made_until=due))
    log.info("the report of %s is triggered: %s", due, report_id)


async def _made_until(connection: AsyncConnection, cron: str, present: datetime) -> datetime:
    """Return until when nothing is to be made any more, and keep others from looking meanwhile.

    Another expression begins now: nothing was missed of it.
    """
    begin = insert(ReportSchedule).values(cron=cron, made_until=present)
    await connection.execute(
        begin.on_conflict_do_update(
            index_elements=[ReportSchedule.one],
            set_={"cron": cron, "made_until": present},
            where=ReportSchedule.cron != cron,
        )
    )
    query = select(ReportSchedule.made_until).with_for_update()
    return (await connection.execute(query)).scalar_one()


async def _trigger(connection: AsyncConnection, settings: Settings, options: ReportOptions) -> str:
    try:
        return await trigger(connection, settings, **dict(options))
    except Invalid as error:
        report_id = await trigger(connection, settings)
        query = select(Report.id).where(Report.report_id == report_id)
        report_pk = (await connection.execute(query)).scalar_one()
        await fail_in(connection, report_pk, _wrong(error))
        return report_id
