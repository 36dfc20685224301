"""Records of bytes of any kind: what each of them is, and that finding them costs their length."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openhours.ingestion.csv import batches, pieces, records
from openhours.ingestion.csv.records import Record, Records
from openhours.ingestion.csv.source import open_source
from openhours.ingestion.csv.status import read_status

pytestmark = pytest.mark.slow

HEADER = b"store_id,timestamp_utc,status\n"
GOOD = b"7,2023-01-22 12:09:39.388884 UTC,active\n"
NOW = 1_700_000_000_000_000


def by_definition(data: bytes, start: int, *, last: bool) -> Record | None:
    """Return the record at `start`: the lines that `csv` takes for it, read anew each time."""
    limit = start + records.MAX_RECORD
    end = start
    ran_out = False

    def lines() -> Iterator[str]:
        nonlocal end, ran_out
        while following := data.find(b"\n", end, limit) + 1:
            begin, end = end, following
            yield data[begin:end].decode("latin-1")
        ran_out = True

    try:
        fields = next(csv.reader(lines(), strict=True), None)
    except csv.Error:
        fields = None
    if fields is not None:
        return Record([field.encode("latin-1") for field in fields], end)
    if ran_out and not last and len(data) < limit:
        return None
    first_line = data.find(b"\n", start) + 1
    return Record(None, first_line) if first_line else None


PARTS = st.sampled_from(
    [
        *(b'"', b'"', b'""', b'"""', b",", b"\n", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b" "),
        *(b"x", b'"x', b'x"', b'a","x\n', b'"\n', b'\n"', b",\n", b"long" * 12, GOOD),
    ]
)


@given(data=st.lists(PARTS, max_size=60).map(b"".join), last=st.booleans())
@settings(max_examples=250, deadline=None)
@example(data=b'"a\nb"x\nb"\n', last=True)
@example(data=b'a","x\n' * 9 + b'a",f\n', last=False)
def test_every_record_is_the_one_that_csv_finds_there(data: bytes, last: bool) -> None:
    if last:
        data += b"\n"
    with mock.patch.object(records, "MAX_RECORD", 40):
        found = Records(data, last=last)
        position = 0
        while position < len(data):
            record = found.at(position)
            assert record == by_definition(data, position, last=last)
            if record is None:
                break
            position = record.end


class Counted(bytes):
    """Bytes that count how many of them were looked at, over all that there are."""

    looked = 0

    def find(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        found = super().find(sub, start, end)
        stop = min(len(self) if end is None else end, len(self))
        Counted.looked += max((stop if found < 0 else found + 1) - start, 0)
        return found

    def rfind(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        found = super().rfind(sub, start, end)
        stop = min(len(self) if end is None else end, len(self))
        Counted.looked += stop - max(found, start)
        return found

    def count(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        Counted.looked += (len(self) if end is None else end) - start
        return super().count(sub, start, end)

    def __getitem__(self, at: Any, /) -> Any:
        part = super().__getitem__(at)
        Counted.looked += len(part) if isinstance(part, bytes) else 1
        return part


ROWS = b"b,c,d\n" * 20
UNBALANCED = {
    "each line closes and opens": b'a","x\n',
    "each line opens": b'"x\n',
    "each line opens its last field": b'a,b,"x\n',
    "opened once in a while": b'"x\n' + ROWS,
    "closed where no field ends": b'"x\n' + ROWS + b'b"x\n',
    "closed at last": b'a","x\n' * 5000 + b'a",b,c\n',
    "closed wrongly at last": b'"x\n' * 5000 + b'a"b\n',
    "three in a line": b'""",a\n',
    "doubled": b'""a","x""\n',
    "doubled and open": b'"a""b\n',
    "only quotes": b'"\n',
    "within a field": b'a"b"c\n',
    "before a long line": b'a","x\n' * 5000 + b"y" * 900_000 + b"\n",
    "before an endless line": b'a","x\n' * 5000 + b"y" * (2 << 20) + b"\n",
    "with carriage returns": b'a","x\r\n',
    "with a lone carriage return": b'a","x\rb\n',
    "with bytes that are no text": b'a","\xff\n',
    "with NUL": b'a","\0\n',
    "among good rows": GOOD * 50 + b'8,"x\n',
}


@pytest.mark.parametrize("whole", [True, False], ids=["ends with a newline", "is cut off"])
@pytest.mark.parametrize("max_record", [1 << 20, 5000])
@pytest.mark.parametrize("pattern", UNBALANCED.values(), ids=UNBALANCED.keys())
def test_whatever_the_quotes_are_each_byte_is_looked_at_a_few_times(
    tmp_path: Path, pattern: bytes, max_record: int, whole: bool
) -> None:
    content = pattern * max(50_000 // len(pattern), 1)
    path = tmp_path / "status.csv"
    path.write_bytes(HEADER + (content if whole else content[:-2]))

    def parse_counted(data: bytes, *args: Any, **kwargs: Any) -> list[pieces.Piece]:
        return pieces.parse(Counted(data), *args, **kwargs)

    with (
        mock.patch.object(batches, "parse", parse_counted),
        mock.patch.object(records, "MAX_RECORD", max_record),
        mock.patch.object(Counted, "looked", 0),
        open_source(path) as source,
    ):
        for _ in read_status(source, NOW):
            pass
        assert Counted.looked < 30 * path.stat().st_size
