"""Hours files replace by store, but never the hours of a store with a rejected row."""

import gzip
import resource

import pytest

from openhours.process_pool import Processes
from tests.ingestion.loader import Loader

HEADER = "store_id,day,start_time_local,end_time_local\n"
HOUR = 3_600_000_000


def hours(loader: Loader) -> list[tuple[str, int, int, int]]:
    rows = loader.fetch(
        f"SELECT store_id, day, opens / {HOUR}, closes / {HOUR} FROM business_hours"
        " JOIN stores ON id = store ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


def test_a_store_that_is_named_gets_the_hours_of_the_file_and_no_others(loader: Loader) -> None:
    assert loader.load(HEADER + "a,0,9:00,17:00\na,1,9:00,17:00\nb,0,9:00,12:00\n") == (3, 3, 0, 0)
    assert loader.load(HEADER + "a,2,8:00,24:00\na,0,9:00,17:00\n") == (2, 1, 1, 0)
    assert hours(loader) == [("a", 0, 9, 17), ("a", 2, 8, 24), ("b", 0, 9, 12)]


def versions(loader: Loader) -> list[tuple[str, int, int, str]]:
    rows = loader.fetch(
        f"SELECT store_id, day, opens / {HOUR}, valid_from::text FROM business_hours"
        " JOIN stores ON id = store ORDER BY 1, valid_from, 2"
    )
    return [tuple(row) for row in rows]


@pytest.mark.slow
def test_a_version_is_replaced_by_itself(loader: Loader) -> None:
    dated = HEADER.replace("\n", ",valid_from\n")
    assert loader.load(HEADER + "a,0,9:00,17:00\na,1,9:00,17:00\n") == (2, 2, 0, 0)
    assert loader.load(
        dated + "a,0,8:00,17:00,2024-01-01\na,1,8:00,17:00,2024-01-01\na,0,7:00,17:00,2024-06-01\n"
    ) == (3, 3, 0, 0)
    always = [("a", 0, 9, "-infinity"), ("a", 1, 9, "-infinity")]
    first = [("a", 0, 8, "2024-01-01"), ("a", 1, 8, "2024-01-01")]
    second = [("a", 0, 7, "2024-06-01")]
    assert versions(loader) == always + first + second
    # One version, in which Monday is as it was.
    assert loader.load(dated + "a,0,8:00,17:00,2024-01-01\n") == (1, 0, 1, 0)
    assert versions(loader) == always + first[:1] + second
    # What has always been valid: by a file without the column, and by an empty cell.
    assert loader.load(HEADER + "a,1,9:00,17:00\n") == (1, 0, 1, 0)
    assert versions(loader) == always[1:] + first[:1] + second
    assert loader.load(dated + "a,0,9:00,17:00,\na,0,7:00,17:00,2024-06-01\n") == (2, 1, 1, 0)
    assert versions(loader) == always[:1] + first[:1] + second


def test_a_bad_date_rejects_all_rows_of_its_store(loader: Loader) -> None:
    dated = HEADER.replace("\n", ",valid_from\n")
    text = "a,0,9:00,17:00,2024-01-01\na,0,9:00,17:00,soon\nb,0,9:00,17:00,2024-01-01\n"
    assert loader.load(dated + text) == (3, 1, 0, 2)
    pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
    assert loader.rejected(pk) == [(2, "store_has_bad_rows"), (3, "bad_date")]
    assert versions(loader) == [("b", 0, 9, "2024-01-01")]


def test_a_day_with_empty_times_is_closed(loader: Loader) -> None:
    assert loader.load(HEADER + "a,0,,\na,1,9:00,17:00\n") == (2, 2, 0, 0)
    assert loader.load(HEADER + "a,0,,\na,1,9:00,17:00\n") == (2, 0, 2, 0)
    rows = loader.fetch("SELECT opens, closes FROM business_hours WHERE day = 0")
    assert [tuple(row) for row in rows] == [(-1, -1)]


def test_a_row_that_is_there_twice_is_one(loader: Loader) -> None:
    assert loader.load(HEADER + "a,0,9:00,17:00\n" * 3) == (3, 1, 2, 0)


def test_a_store_with_a_rejected_row_keeps_its_old_hours(loader: Loader) -> None:
    loader.load(HEADER + "a,0,9:00,17:00\n")
    assert loader.load(HEADER + "a,1,9:00,17:00\na,9,9:00,17:00\nb,0,9:00,12:00\n") == (3, 1, 0, 2)
    assert hours(loader) == [("a", 0, 9, 17), ("b", 0, 9, 12)]
    pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
    assert loader.rejected(pk) == [(2, "store_has_bad_rows"), (3, "bad_day")]


@pytest.mark.slow
def test_a_rejected_row_late_in_a_large_file_rejects_the_first_ones_of_its_store(
    loader: Loader,
) -> None:
    others = "".join(f"s{number},0,9:00,17:00\n" for number in range(70_000))
    text = HEADER + "a,0,9:00,17:00\n" + others + "a,0,late,17:00\n"
    assert len(text) > 1 << 20  # more than one block
    assert loader.load(text) == (70_002, 70_000, 0, 2)
    assert loader.fetch("SELECT FROM stores WHERE store_id = 'a'") == []


def test_a_file_of_rejected_rows_alone_changes_nothing(loader: Loader) -> None:
    assert loader.load(HEADER + ",0,9:00,17:00\n") == (1, 0, 0, 1)
    assert loader.load(HEADER + "a,9,9:00,17:00\n") == (1, 0, 0, 1)
    [row] = loader.fetch("SELECT rejected_by_reason FROM ingestions ORDER BY id DESC LIMIT 1")
    assert row["rejected_by_reason"] == '{"bad_day": 1}'
    assert loader.load(HEADER) == (0, 0, 0, 0)
    assert hours(loader) == []


def test_all_rows_of_a_bad_store_are_counted_and_the_first_are_kept(loader: Loader) -> None:
    rows = "".join(
        f"a,0,0:00,{n // 3600}:{n // 60 % 60:02}:{n % 60:02}\n" for n in range(1, 10_003)
    )
    assert loader.load(HEADER + rows + "a,9,9:00,17:00\nb,0,9:00,17:00\n") == (
        10_004,
        1,
        0,
        10_003,
    )
    pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
    kept = loader.rejected(pk)
    assert len(kept) == 10_000
    assert kept[-1] == (10_004, "bad_day"), "found first, while the file is read"
    assert kept[-2] == (10_000, "store_has_bad_rows")


def test_rows_of_several_lines_come_back_to_the_letter(loader: Loader) -> None:
    row = 'a,0,9:00,17:00,"\\.\n\\.\né"'
    loader.load(HEADER.replace("\n", ",note\n") + f"{row}\na,9,9:00,17:00,\n")
    raws = loader.fetch("SELECT raw FROM rejected_rows ORDER BY line")
    assert raws[0]["raw"].decode() == row


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


@pytest.mark.slow
def test_memory_holds_a_part_of_the_file_however_large_it_is(loader: Loader) -> None:
    row = "a,0,9:00,17:00," + "x" * 4000 + "\n"
    header = HEADER.replace("\n", ",note\n")
    loader.processes = Processes(1)
    try:
        loader.load(header + row * 1000)  # all modules are there, and a block is full
        before = loader.with_engine(lambda _: loader.processes.run(peak_mib))
        path = loader.place / "large.csv.gz"
        path.write_bytes(gzip.compress((header + row * 50_000).encode()))
        assert path.stat().st_size < 1 << 20
        assert loader.run(loader.add(path).pk)["unchanged"] == 50_000
        after = loader.with_engine(lambda _: loader.processes.run(peak_mib))
    finally:
        loader.processes.close()
    assert after - before < 100, "the file has 200 MB"
