"""Queries of pages over a database with something of everything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.engine import make_engine
from openhours.reports.queries import latest_report
from openhours.reports.tables import Report
from openhours.settings import Settings
from openhours.web import store_figures
from openhours.web.store_figures import Search
from tests.helpers import stock

T = TypeVar("T")
KNOWN = range(2, len(stock.STORES) + 1)  # ids of the stores; the first is unknown


@pytest.fixture
def ask(stocked_settings: Settings) -> Callable[[Callable[[AsyncConnection], Awaitable[T]]], T]:
    """Run a query on the database."""
    assert stocked_settings.database_url is not None
    url = stocked_settings.database_url.get_secret_value()

    def run(query: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async def in_connection() -> T:
            engine = make_engine(url)
            async with engine.connect() as connection:
                found = await query(connection)
            await engine.dispose()
            return found

        return asyncio.run(in_connection())

    return run


Ask = Callable[[Callable[[AsyncConnection], Awaitable[T]]], T]


def test_the_latest_report_is_complete_and_of_all_stores(ask: Ask[tuple[str, str, bool]]) -> None:
    async def query(connection: AsyncConnection) -> tuple[str, str, bool]:
        latest = await latest_report(connection)
        assert latest is not None
        before = await latest_report(connection, Report.id < latest.id)
        assert before is not None
        nothing = await latest_report(connection, Report.id < before.id)
        return latest.report_id, before.report_id, nothing is None

    assert ask(query) == (stock.SECOND, stock.FIRST, True)


def test_every_store_is_counted_in_one_state_and_one_bin(ask: Ask[None]) -> None:
    async def query(connection: AsyncConnection) -> None:
        report = await latest_report(connection)
        assert report is not None
        found = store_figures.counts(report, range(3))
        assert list(found) == ["polled"]
        for window, counts in enumerate(found["polled"]):
            states = (counts.fully_up, counts.partly, counts.down, counts.closed, counts.unknown)
            thirds = [sum(n % 3 == rest for n in KNOWN) for rest in (2, 1, 0)]
            assert states == (*thirds, 0, 1)
            bins = store_figures.distribution(report, window, "polled")
            assert (bins[20], bins[6], bins[0], sum(bins)) == (*thirds, len(KNOWN))

    ask(query)


def test_stores_of_all_pages_are_those_that_were_counted(ask: Ask[None]) -> None:
    async def query(connection: AsyncConnection) -> None:
        report = await latest_report(connection)
        for search in (
            Search(),
            Search(sort="down", window=1, descending=True),
            Search(text="%"),
            Search(text="_"),
            Search(feed="polled", state="down", window=0, down_over=39.9),
        ):
            total = await store_figures.count_stores(connection, report, search)
            found = []
            for page in range(2 + total // store_figures.PAGE):
                of_page = await store_figures.find_stores(connection, report, search, page)
                assert of_page.total == total
                found += [row.store_id for row in of_page.rows]
            assert len(set(found)) == len(found) == total
            assert all(search.text in store for store in found)

    ask(query)


def test_figures_are_null_without_a_report(ask: Ask[None]) -> None:
    async def query(connection: AsyncConnection) -> None:
        found = await store_figures.find_stores(connection, None, Search(), 0)
        assert {(row.known, tuple(row.up)) for row in found.rows} == {(None, (None, None, None))}

    ask(query)
