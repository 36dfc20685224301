"""Reports by the clock: once however many look, and of those missed only the last."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.delivery.checks import check
from openhours.delivery.schedule import make_due_report
from openhours.errors import SettingsError
from openhours.reports import trigger
from openhours.settings import Settings
from tests.delivery.events import Outbox
from tests.helpers.clients import running
from tests.helpers.database import fetch, on_engine

HOURLY = "0 * * * *"


def scheduled(settings: Settings, cron: str = HOURLY, options: str | None = None) -> Settings:
    return settings.model_copy(update={"report_cron": cron, "report_options": options})


async def go_back(engine: AsyncEngine, interval: str) -> None:
    """Let the last report of the schedule be so old."""
    await Outbox(engine).run(
        f"UPDATE report_schedule SET made_until = now() - interval '{interval}'"
    )


def count(url: str) -> int:
    [(reports,)] = fetch(url, "SELECT count(*) FROM reports")
    assert isinstance(reports, int)
    return reports


def test_of_all_that_were_missed_the_last_is_made_once(
    settings: Settings, database_url: str
) -> None:
    every_hour = scheduled(settings)

    async def scenario(engine: AsyncEngine) -> None:
        await make_due_report(engine, every_hour)
        assert await asyncio.to_thread(count, database_url) == 0, "none was missed before the start"
        for already in (0, 1):
            await go_back(engine, "3 days")
            await asyncio.gather(*(make_due_report(engine, every_hour) for _ in range(8)))
            assert await asyncio.to_thread(count, database_url) == already + 1
        await make_due_report(engine, settings)

    on_engine(database_url, scenario)
    [(until,)] = fetch(database_url, "SELECT made_until FROM report_schedule")
    assert isinstance(until, datetime)
    assert (until.minute, until.second, until.microsecond) == (0, 0, 0)
    assert count(database_url) == 2


def test_another_expression_begins_when_it_is_first_seen(
    settings: Settings, database_url: str
) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await make_due_report(engine, scheduled(settings))
        await go_back(engine, "3 days")
        await make_due_report(engine, scheduled(settings, "0 6 * * *"))

    on_engine(database_url, scenario)
    assert count(database_url) == 0


def test_it_has_the_options_of_the_settings(settings: Settings, database_url: str) -> None:
    options = '{"windows": ["yesterday"], "outages": true, "calendar_timezone": "Asia/Tokyo"}'
    asked = scheduled(settings, options=options)
    check(asked)

    async def scenario(engine: AsyncEngine) -> None:
        await make_due_report(engine, asked)
        await go_back(engine, "3 days")
        await make_due_report(engine, asked)

    on_engine(database_url, scenario)
    with running(settings) as client:
        [report] = client.get("/reports").json()
    assert [window["name"] for window in report["windows"]] == ["yesterday"]
    assert (report["outages"], report["calendar_timezone"]) == (True, "Asia/Tokyo")


def test_while_too_many_wait_it_is_left_to_later(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_hour = scheduled(settings)

    async def scenario(engine: AsyncEngine) -> None:
        await make_due_report(engine, every_hour)
        await go_back(engine, "3 days")
        with monkeypatch.context() as patch:
            patch.setattr(trigger, "MAX_WAITING", 0)
            await make_due_report(engine, every_hour)
            assert await asyncio.to_thread(count, database_url) == 0
        await make_due_report(engine, every_hour)

    on_engine(database_url, scenario)
    assert count(database_url) == 1


def test_one_that_cannot_be_made_is_a_report_that_failed(
    settings: Settings, database_url: str
) -> None:
    gone = scheduled(settings, options='{"labels": {"region": ["west"]}}')
    check(gone)

    async def scenario(engine: AsyncEngine) -> None:
        await make_due_report(engine, gone)
        await go_back(engine, "3 days")
        await make_due_report(engine, gone)
        await make_due_report(engine, gone)

    on_engine(database_url, scenario)
    with running(settings) as client:
        [report] = client.get("/reports").json()
    assert report["status"] == "Failed"
    assert report["error"].startswith("OPENHOURS_REPORT_OPTIONS is wrong: labels.region")
    [told] = report["deliveries"]
    assert told["event"] == "report.failed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{", "OPENHOURS_REPORT_OPTIONS is wrong: Invalid JSON"),
        ("[]", "OPENHOURS_REPORT_OPTIONS is wrong: Input should be an object"),
        ('{"window": 1}', r"wrong: window: Extra inputs are not permitted"),
        ('{"windows": ["last_day", "fortnight"]}', r"wrong: (windows\.)?1: .*fortnight"),
    ],
)
def test_options_that_no_report_can_have_are_refused_before_anything_starts(
    settings: Settings, options: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        check(scheduled(settings, options=options))
