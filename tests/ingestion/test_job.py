"""An ingestion's way: it is queued, runs, and ends complete or failed, whatever happens to it."""

import gzip
import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import asyncpg
import pytest

from openhours.ingestion.job import MAX_ATTEMPTS, fail_ingestion
from openhours.ingestion.rejects import Counts
from openhours.ingestion.write import Loaded, begin_attempt, complete
from tests.ingestion.loader import Loader

POLLS = "store_id,timestamp_utc,status\n1,2023-01-01 01:00:00 UTC,active\n"


@pytest.fixture
def polls(loader: Loader) -> Path:
    path = loader.place / "polls.csv"
    path.write_text(POLLS)
    return path


def test_a_file_is_loaded_once_and_says_what_became_of_it(loader: Loader, polls: Path) -> None:
    pk = loader.add(polls).pk
    row = loader.run(pk)
    assert (row["state"], row["kind"], row["attempt"], row["progress"]) == (
        "complete",
        "status",
        1,
        1,
    )
    assert (row["size"], row["modified_ns"]) == (len(POLLS), polls.stat().st_mtime_ns)
    assert row["next_line"] == 3
    assert row["started_at"] <= row["finished_at"]
    assert loader.run(pk) == row, "an ingestion that has ended is left alone"
    assert polls.exists(), "a file that was not uploaded is not ours to remove"


def test_a_refused_file_brings_nothing_and_says_why(loader: Loader) -> None:
    path = loader.place / "prices.csv"
    path.write_text("store_id,price\n1,2\n")
    row = loader.run(loader.add(path).pk)
    assert row["state"] == "failed"
    assert row["error"].startswith(
        "no kind of file has the columns of this one: a status file needs store_id"
    )
    assert loader.fetch("SELECT FROM stores") == []


@pytest.mark.slow
def test_a_packed_file_that_holds_too_much_is_refused_by_its_name(loader: Loader) -> None:
    loader.settings = loader.settings.model_copy(update={"max_unpacked_mb": 1})
    path = loader.place / "zeros.csv.gz"
    path.write_bytes(gzip.compress(POLLS.encode() + bytes(1 << 20)))
    pk = loader.add(path).pk
    assert loader.run(pk)["error"] == (
        "zeros.csv.gz unpacks to more than 1,048,576 bytes (OPENHOURS_MAX_UNPACKED_MB)"
    )
    assert loader.fetch("SELECT FROM stores") == []


@pytest.mark.parametrize(
    "text",
    [
        "store_id,timestamp_utc,status\n{},2023-01-01 00:00:00,active\n",
        "store_id,timezone_str\n{},UTC\n",
        "store_id,day,start_time_local,end_time_local\n{},0,9:00,17:00\n",
    ],
    ids=["status", "timezones", "hours"],
)
def test_store_ids_that_a_spreadsheet_would_take_for_formulas_are_named(
    loader: Loader, text: str
) -> None:
    def warning(*store_ids: str) -> object:
        header, row = text.splitlines(keepends=True)
        loader.load(header + "".join(row.format(store_id) for store_id in store_ids))
        [found] = loader.fetch("SELECT warning FROM ingestions ORDER BY id DESC LIMIT 1")
        return found["warning"]

    assert warning("a", "1+1", "_=1") is None
    advice = (
        " (=, +, -, @, a tab or a carriage return)."
        " Do not open reports in a spreadsheet unless you trust who named it"
    )
    assert warning("a", "=1+1") == f"1 store id begins as a formula does: =1+1{advice}"
    assert warning("@b", "-1", "+2", "+2", "c") == (
        f"3 store ids begin as formulas do, one of them is: +2{advice}"
    )


def test_a_file_that_is_gone_is_refused(loader: Loader) -> None:
    row = loader.run(loader.add(loader.place / "gone.csv").pk)
    assert (row["state"], row["error"]) == ("failed", "the file is gone")


@pytest.mark.slow
def test_a_file_that_is_damaged_at_its_end_brings_none_of_its_rows(loader: Loader) -> None:
    path = loader.place / "polls.csv.gz"
    noise = os.urandom(3 << 20).hex().encode()  # so that the file has more than one block
    rows = b"x,never,active\n1,2023-01-01 01:00:00 UTC,active\n" + noise
    path.write_bytes(gzip.compress(b"store_id,timestamp_utc,status\n" + rows)[:-20])
    pk = loader.add(path).pk
    assert loader.run(pk)["error"].startswith("a damaged gzip file:")
    assert loader.rejected(pk) == []
    assert loader.fetch("SELECT FROM stores") == []


def test_a_file_of_another_kind_than_it_was_sent_as_is_refused(loader: Loader, polls: Path) -> None:
    row = loader.run(loader.add(polls, kind="hours").pk)
    assert row["error"].startswith("not an hours file: no columns day or dayOfWeek")


@pytest.mark.parametrize("content", [POLLS, "nothing"], ids=["complete", "failed"])
def test_an_upload_is_removed_when_its_ingestion_has_ended(loader: Loader, content: str) -> None:
    path = loader.place / "upload"
    path.write_text(content)
    row = loader.run(loader.add(path, kind="status", uploaded=True).pk)
    assert row["state"] == ("complete" if content == POLLS else "failed")
    assert not path.exists()


def test_an_upload_whose_ingestion_fails_outside_is_removed_too(
    loader: Loader, polls: Path
) -> None:
    pk = loader.add(polls, uploaded=True).pk
    loader.with_engine(lambda engine: fail_ingestion(engine, pk, "the disk is full"))
    [row] = loader.fetch(f"SELECT state, error FROM ingestions WHERE id = {pk}")
    assert tuple(row) == ("failed", "the disk is full")
    assert not polls.exists()
    loader.with_engine(lambda engine: fail_ingestion(engine, pk, "another reason"))
    assert loader.run(pk)["error"] == "the disk is full", "the first end is the end"


def test_a_file_that_kills_its_process_is_given_up_after_three_attempts(
    loader: Loader, polls: Path
) -> None:
    pk = loader.add(polls).pk
    for _ in range(MAX_ATTEMPTS):
        loader.with_engine(lambda engine: begin_attempt(engine, pk))
    row = loader.run(pk)
    assert (row["state"], row["attempt"]) == ("failed", MAX_ATTEMPTS + 1)
    assert row["error"] == "loading it was cut off 3 times: its process or the database ended"


@pytest.mark.slow
def test_a_process_that_dies_leaves_the_ingestion_to_be_tried_again(
    loader: Loader, polls: Path
) -> None:
    pk = loader.add(polls).pk
    child = loader.with_engine(lambda _: loader.processes.run(os.getpid))
    os.kill(child, signal.SIGKILL)
    time.sleep(0.2)
    with pytest.raises(BrokenProcessPool):
        loader.run(pk)
    [row] = loader.fetch(f"SELECT state, attempt FROM ingestions WHERE id = {pk}")
    assert tuple(row) == ("running", 1)
    assert loader.run(pk)["attempt"] == 2
    assert len(loader.stored()) == 1


def test_only_the_newest_attempt_may_complete(loader: Loader, polls: Path) -> None:
    pk = loader.add(polls).pk
    first = loader.with_engine(lambda engine: begin_attempt(engine, pk))
    second = loader.with_engine(lambda engine: begin_attempt(engine, pk))
    assert first is not None and second is not None
    assert (first.number, second.number) == (1, 2)
    loaded = Loaded("status", 1, 1, "", Counts(), [])

    async def complete_first(_: object) -> None:
        connection = await asyncpg.connect(loader.url)
        try:
            await complete(connection, first, loaded)
        finally:
            await connection.close()

    with pytest.raises(RuntimeError, match="another attempt"):
        loader.with_engine(complete_first)


def test_the_end_of_an_ingestion_is_put_into_the_outbox_in_its_transaction(
    loader: Loader, polls: Path
) -> None:
    put = "SELECT channel, event, state FROM deliveries WHERE ingestion IS NOT NULL"
    queued = loader.add(polls)
    assert loader.fetch(put) == []
    loader.run(queued.pk)
    assert [tuple(row) for row in loader.fetch(put)] == [
        ("webhook", "ingestion.complete", "waiting")
    ]
    # What cannot be put there does not end either.
    loader.fetch("ALTER TABLE deliveries ADD CONSTRAINT no_more CHECK (id < 2)")
    polls.write_text(POLLS + "2,2023-01-01 01:00:00 UTC,active\n")
    second = loader.add(polls).pk
    with pytest.raises(asyncpg.CheckViolationError):
        loader.run(second)
    [row] = loader.fetch(f"SELECT state FROM ingestions WHERE id = {second}")
    assert row["state"] == "running"
    assert len(loader.stored()) == 1
