"""A page sees how far a report is by its events: it asks nothing again and again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy.ext.asyncio import AsyncEngine
from tools.service import Service, workers_of

from openhours.reports.queries import find_report
from openhours.reports.write import begin_attempt, note_progress
from tests.helpers.csv_files import status_csv
from tests.helpers.database import on_engine

POLLS = ["2023-01-23 16:14:00 active", "2023-01-23 17:14:00 inactive"]


@pytest.fixture
def report_id(service: Service) -> Iterator[str]:
    """A report that nobody computes until the end of the test."""
    service.upload("status", status_csv(POLLS, "1003"))
    [worker] = workers_of(service)
    worker.suspend()
    yield service.trigger()
    worker.resume()


def compute(service: Service, report_id: str, progress: float) -> None:
    """What a worker tells when it is so far."""

    async def tell(engine: AsyncEngine) -> None:
        report = await begin_attempt(engine, (await find_report(engine, report_id)).id)
        assert report is not None
        await note_progress(engine, report, progress)

    with ThreadPoolExecutor(1) as pool:  # this thread has the browser's event loop
        pool.submit(on_engine, service.environment["DATABASE_URL"], tell).result()


def test_the_page_of_a_report_shows_its_progress_over_one_request(
    page: Page, service: Service, report_id: str
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type in ("fetch", "xhr", "eventsource"):
            asked.append(request.url.removeprefix(service.url))

    page.on("request", note)
    page.goto(f"/reports/{report_id}")
    for progress in (0.25, 0.5):
        compute(service, report_id, progress)
        expect(page.get_by_text(f"{progress:.0%}".replace("%", " %"))).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_js_property("value", progress)
    assert asked == [f"/reports/{report_id}/events"]
    [worker] = workers_of(service)
    worker.resume()
    expect(page.get_by_role("link", name="CSV").first).to_be_visible()
    assert asked == [f"/reports/{report_id}/events"]
