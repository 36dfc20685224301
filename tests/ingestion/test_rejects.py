"""Rejected rows: written with their line and reason, and taken over from what was loaded before."""

import asyncpg

from openhours.ingestion.csv.reasons import Reason, Reject
from openhours.ingestion.rejects import Counts, RejectWriter
from tests.ingestion.loader import Loader


def test_rows_are_kept_to_the_letter_and_counted(loader: Loader) -> None:
    earlier, later = (loader.add(loader.place / name).pk for name in ("a.csv", "b.csv"))
    rows = [
        Reject(3, Reason.BAD_ENCODING, b"1,\xff\0,active"),
        Reject(9, Reason.FUTURE_TIMESTAMP, b""),
    ]

    async def write(_: object) -> tuple[RejectWriter, RejectWriter]:
        connection = await asyncpg.connect(loader.url)
        async with connection.transaction():
            first = RejectWriter(connection, earlier)
            await first.write([])
            await first.write(rows)
            second = RejectWriter(connection, later)
            await second.copy_from(earlier)
            await second.write([Reject(12, Reason.BAD_STATUS, b"x")])
        await connection.close()
        return first, second

    first, second = loader.with_engine(write)
    assert (first.written, first.reasons) == (2, {"bad_encoding", "future_timestamp"})
    assert (second.written, second.reasons) == (3, {"bad_status"})
    kept = loader.fetch(f"SELECT line, reason, raw FROM rejected_rows WHERE ingestion = {later}")
    assert sorted(tuple(row) for row in kept) == [
        *(tuple(row) for row in rows),
        (12, "bad_status", b"x"),
    ]


def test_what_is_neither_loaded_nor_rejected_is_unchanged() -> None:
    assert Counts(rows=10, loaded=5, rejected=2).unchanged == 3
