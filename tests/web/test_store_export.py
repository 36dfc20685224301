"""The list of stores as a file: how it is read, and what its columns are called."""

import csv
import io
from collections.abc import Iterator
from typing import cast

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.errors import NotFound
from openhours.reports import formats
from openhours.reports.queries import find_report
from openhours.reports.retention import remove_report
from openhours.settings import Settings
from openhours.web import store_export
from openhours.web.store_export import StoreExport
from openhours.web.store_figures import Search
from openhours.web.windows import DEFAULTS
from tests.helpers.database import on_engine
from tests.helpers.html import get_page
from tests.reports.computing import Reports, reporting


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as found:
        for n in range(5):
            found.store(f"s{n}", ["2023-01-20 12:00 inactive"], hours="9-17")
        yield found


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_export, "_AT_ONCE", 2)


async def export(engine: AsyncEngine, report_id: str) -> StoreExport:
    search = Search(sort="id", descending=True)
    return StoreExport(await find_report(engine, report_id), search, DEFAULTS, [], "csv")


@pytest.mark.slow
@pytest.mark.usefixtures("pages_of_two")
def test_a_client_that_does_not_read_on_holds_no_connection(reports: Reports) -> None:
    report_id = reports.report()

    async def read(engine: AsyncEngine) -> list[str]:
        pool = cast("QueuePool", engine.pool)
        chunks = formats.csv((await export(engine, report_id)).table(engine, 5))
        read = []
        async for chunk in chunks:
            assert pool.checkedout() == 0
            read.append(chunk.decode())
        return read

    header, *found = on_engine(reports.url, read)
    assert header.startswith("store_id,")
    ids = [[line.partition(",")[0] for line in chunk.splitlines()] for chunk in found]
    assert ids == [["s4", "s3"], ["s2", "s1"], ["s0"]]


@pytest.mark.usefixtures("pages_of_two")
def test_a_file_whose_report_is_removed_meanwhile_does_not_look_whole(reports: Reports) -> None:
    report_id = reports.report()

    async def read(engine: AsyncEngine) -> None:
        frames = (await export(engine, report_id)).table(engine, 5).pages
        assert len(await anext(frames)) == 2
        await remove_report(engine, report_id, who="test", where="here")
        with pytest.raises(NotFound):
            await anext(frames)

    on_engine(reports.url, read)


def header_of(client: TestClient) -> list[str]:
    answer = client.get("/stores?format=csv")
    assert answer.status_code == 200
    return next(csv.reader(io.StringIO(answer.text)))


def test_no_two_columns_have_one_title_and_none_is_a_formula(reports: Reports) -> None:
    figure = "open_last_day(in hours)"
    keys = {"type": "a", "time_zone": "b", figure: "c", "label type": "d", "=1+1": "e"}
    reports.label("s0", **keys)
    titles = header_of(reports.client)
    assert len(set(titles)) == len(titles)
    rows = csv.DictReader(io.StringIO(reports.client.get("/stores?format=csv&q=s0").text))
    (row,) = rows
    assert (row["type"], row["time_zone"], row[figure]) == ("store", "UTC", "")
    assert [
        row[title]
        for title in (
            "label label type", "label time_zone", f"label {figure}", "label type", "'=1+1",
        )
    ] == ["a", "b", "c", "d", "e"]  # fmt: skip


def test_a_file_asks_for_nothing_that_only_the_page_shows(reports: Reports) -> None:
    only_of_page = (
        "jsonb_array_length(reports.windows)",
        "DISTINCT coalesce",
        "AND reports.verdicts",
    )
    with reports.statements() as of_page:
        get_page(reports.client, "/stores")
    with reports.statements() as of_file:
        assert header_of(reports.client)[0] == "store_id"
    for words in only_of_page:
        assert any(words in query for query in of_page), words
        assert not any(words in query for query in of_file), words
