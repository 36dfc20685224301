"""Rejected rows: all are counted, the first ones are kept, with what was rejected before."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from openhours.ingestion.csv.reasons import Reason, Reject
from openhours.ingestion.rejects import MAX_KEPT, MAX_RAW_BYTES, Counts, RejectWriter
from tests.ingestion.loader import Loader

Write = Callable[[RejectWriter], Awaitable[None]]


def written(loader: Loader, pk: int, write: Write) -> dict[str, int]:
    """Let a writer of this ingestion write; return its counts, which stay with the ingestion."""

    async def run(_: object) -> RejectWriter:
        connection = await asyncpg.connect(loader.url)
        async with connection.transaction():
            rejects = RejectWriter(connection, pk)
            await write(rejects)
            await connection.execute(
                "UPDATE ingestions SET rejected_by_reason = $1 WHERE id = $2",
                f"{dict(rejects.reasons)}".replace("'", '"'),
                pk,
            )
        await connection.close()
        return rejects

    return dict(loader.with_engine(run).reasons)


def kept(loader: Loader, pk: int) -> list[tuple[object, ...]]:
    query = f"SELECT line, reason, raw FROM rejected_rows WHERE ingestion = {pk} ORDER BY line"
    return [tuple(row) for row in loader.fetch(query)]


def test_rows_are_kept_to_the_letter_and_counted(loader: Loader) -> None:
    earlier, later = (loader.add(loader.place / name).pk for name in ("a.csv", "b.csv"))
    rows = [
        Reject(3, Reason.BAD_ENCODING, b"1,\xff\0,active"),
        Reject(9, Reason.FUTURE_TIMESTAMP, b""),
    ]

    async def first(rejects: RejectWriter) -> None:
        await rejects.write([])
        await rejects.write(rows)

    async def second(rejects: RejectWriter) -> None:
        await rejects.copy_from(earlier)
        await rejects.write([Reject(12, Reason.BAD_STATUS, b"x")])

    counts = {"bad_encoding": 1, "future_timestamp": 1}
    assert written(loader, earlier, first) == counts
    assert written(loader, later, second) == counts | {"bad_status": 1}
    assert kept(loader, later) == [*rows, (12, "bad_status", b"x")]


@pytest.mark.slow
def test_of_a_file_the_first_rows_are_kept_and_all_are_counted(loader: Loader) -> None:
    earlier, later = (loader.add(loader.place / name).pk for name in ("a.csv", "b.csv"))
    half = MAX_KEPT // 2 + 1
    long = b"x" * (MAX_RAW_BYTES + 1)

    async def first(rejects: RejectWriter) -> None:
        for start in (0, half, 2 * half):
            await rejects.write([Reject(start + n, Reason.BAD_DAY, long) for n in range(half)])

    async def second(rejects: RejectWriter) -> None:
        await rejects.copy_from(earlier)
        await rejects.take(Reason.STORE_HAS_BAD_ROWS, "SELECT 1 AS line, 'x'::bytea AS raw")

    async def room_for_one(rejects: RejectWriter) -> None:
        await rejects.write([Reject(n, Reason.BAD_DAY, b"") for n in range(2, MAX_KEPT + 1)])
        query = "SELECT line, 'x'::bytea AS raw FROM generate_series(60000, 50000, -1) line"
        await rejects.take(Reason.STORE_HAS_BAD_ROWS, query)

    assert written(loader, earlier, first) == {"bad_day": 3 * half}
    assert kept(loader, earlier) == [(n, "bad_day", long[:-1]) for n in range(MAX_KEPT)]
    assert written(loader, later, second) == {"bad_day": 3 * half, "store_has_bad_rows": 1}
    assert len(kept(loader, later)) == MAX_KEPT
    last = loader.add(loader.place / "c.csv").pk
    counts = {"bad_day": MAX_KEPT - 1, "store_has_bad_rows": 10_001}
    assert written(loader, last, room_for_one) == counts
    assert kept(loader, last)[-1] == (50_000, "store_has_bad_rows", b"x")
    assert len(kept(loader, last)) == MAX_KEPT


def test_a_file_that_goes_on_keeps_the_counts_of_rows_that_are_no_longer_kept(
    loader: Loader,
) -> None:
    header, bad = "store_id,timestamp_utc,status\n", "1,never,active\n"
    loader.load(header + bad)
    loader.fetch("DELETE FROM rejected_rows")
    assert loader.load(header + bad + bad) == (2, 0, 0, 2)
    [row] = loader.fetch("SELECT rejected_by_reason FROM ingestions ORDER BY id DESC LIMIT 1")
    assert row["rejected_by_reason"] == '{"bad_timestamp": 2}'


def test_what_is_neither_loaded_nor_rejected_is_unchanged() -> None:
    counts = Counts(rows=10, loaded=5)
    counts.reasons.update(bad_day=1, bad_time=1)
    assert (counts.rejected, counts.unchanged) == (2, 3)
