"""Polls as Parquet: the same rows and rejects as of the CSV that says the same."""

import hashlib
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import UnpackedLimit, open_source
from openhours.ingestion.csv.status import StatusBlock, read_status
from openhours.times import from_us

NOW = 1_700_000_000_000_000
AT = 1_674_389_379_388_884  # 2023-01-22 12:09:39.388884 UTC


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parquet") / "polls.parquet"


def write(file: Path, **columns: object) -> Path:
    pa.parquet.write_table(pa.table(columns), file)
    return file


def read(file: Path) -> StatusBlock:
    with open_source(file) as source:
        [block] = read_status(source, NOW)
        return block


def rows(block: StatusBlock) -> list[tuple[str, int, bool]]:
    names = [block.store_ids[code].as_py() for code in block.store]
    return list(zip(names, block.at.tolist(), block.active.tolist(), strict=True))


ids = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
polls = st.tuples(
    st.none() | ids,
    st.none() | st.integers(AT - 10**14, AT + 10**14),
    st.sampled_from(["active", "inactive", "Active", "on", "", None]),
)


@pytest.mark.slow
@given(st.lists(polls, min_size=1, max_size=20))
def test_rows_and_rejects_are_those_of_the_csv(
    file: Path, drawn: list[tuple[str | None, int | None, str | None]]
) -> None:
    instants = pa.array([at for _, at, _ in drawn], pa.timestamp("us", "UTC"))
    store_ids = pa.array([one for one, _, _ in drawn], pa.string())
    statuses = pa.array([status for _, _, status in drawn], pa.string()).dictionary_encode()
    write(file, status=statuses, timestamp_utc=instants, store_id=store_ids)
    found = read(file)

    def written(at: int | None) -> str:
        if at is None:
            return ""
        return f"{from_us(at):%Y-%m-%d %H:%M:%S.%f} UTC"

    quoted = ['"' + (one or "").replace('"', '""') + '"' for one, _, _ in drawn]
    lines = zip(quoted, drawn, strict=True)
    plain = file.with_suffix(".csv")
    text = "".join(f'{one},{written(at)},"{status or ""}"\n' for one, (_, at, status) in lines)
    plain.write_text("store_id,timestamp_utc,status\n" + text)
    expected = read(plain)
    assert found.rows == expected.rows == len(drawn)
    assert [(one.line, one.reason) for one in found.rejects] == [
        (one.line, one.reason) for one in expected.rejects
    ]
    assert rows(found) == rows(expected)


@pytest.mark.parametrize(
    "instants",
    [
        pa.array([AT], pa.timestamp("us")),
        pa.array([AT], pa.timestamp("us", "America/Denver")),
        pa.array([AT * 1000 + 999], pa.timestamp("ns")),
        pa.array(["2023-01-22 12:09:39.388884 UTC"]),
        pa.array(["2023-01-22T05:09:39.388884-07:00"], pa.large_string()),
        pa.array([b"2023-01-22T12:09:39.388884Z"]),
    ],
    ids=str,
)
def test_instants_are_timestamps_or_text(file: Path, instants: pa.Array) -> None:
    found = read(write(file, store_id=[17], timestamp_utc=instants, status=["active"]))
    assert rows(found) == [("17", AT, True)]


def test_columns_with_several_values_a_row_are_no_columns(file: Path) -> None:
    instants = pa.array([AT], pa.timestamp("us"))
    write(file, store_id=[17], timestamp_utc=instants, status=["active"], tags=[["a", "b"]])
    assert rows(read(file)) == [("17", AT, True)]
    write(file, store_id=[17], timestamp_utc=instants, status=[["active"]])
    with pytest.raises(FileRefused, match="no column status"):
        read(file)


def test_each_byte_is_hashed_once(file: Path) -> None:
    write(file, store_id=[17] * 9000, timestamp_utc=["x"] * 9000, status=["active"] * 9000)
    digest = hashlib.sha256()
    with open_source(file, on_bytes=digest.update) as source:
        assert sum(block.rows for block in read_status(source, NOW)) == 9000
        assert source.bytes_read == source.size
        assert not source.may_grow
    assert digest.digest() == hashlib.sha256(file.read_bytes()).digest()


def test_it_unpacks_to_no_more_than_the_limit(file: Path) -> None:
    write(file, store_id=["a"] * 200_000, timestamp_utc=["b"] * 200_000, status=["c"] * 200_000)
    assert file.stat().st_size < 3000
    with (
        pytest.raises(FileRefused, match=r"^polls unpacks to more than 1,000,000 bytes"),
        open_source(file, limit=UnpackedLimit(1_000_000, "polls")) as source,
    ):
        list(source.chunks())


def test_a_long_value_that_is_named_often_does_not_fill_the_memory(file: Path) -> None:
    codes, one = pa.array([0] * 100_000, pa.int32()), pa.array(["x" * 1_000_000])
    long = pa.DictionaryArray.from_arrays(codes, one)  # 100 GB
    write(file, store_id=long, timestamp_utc=["b"] * 100_000, status=["c"] * 100_000)
    with pytest.raises(FileRefused, match=r"a damaged Parquet file: a value has 1,000,000 bytes"):
        read(file)


@pytest.mark.slow
def test_a_damaged_file_is_refused(file: Path) -> None:
    instants = pa.array([AT] * 50, pa.timestamp("us"))
    write(file, store_id=range(50), timestamp_utc=instants, status=["active"] * 50)
    whole, chance, refused = file.read_bytes(), random.Random(1), 0
    for _ in range(200):
        damaged = bytearray(whole[: chance.randrange(5, len(whole))])
        if chance.random() < 0.8:
            damaged = bytearray(whole)
            damaged[chance.randrange(4, len(whole))] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            read(file)
        except FileRefused:
            refused += 1
    assert refused > 50
