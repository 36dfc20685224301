"""Files that grow, come in another order, or in pieces: the same database in the end."""

import asyncio
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from openhours.ingestion.csv.source import Position
from openhours.ingestion.resume import BeginsDifferently, GrownDigest, Prefix
from tests.ingestion.loader import Loader

HEADER = "store_id,timestamp_utc,status\n"


def poll(store: int, hour: int, status: str = "active", day: int = 1) -> str:
    return f"{store},2023-01-{day:02d} {hour:02d}:00:00 UTC,{status}\n"


def test_a_grown_file_brings_its_new_rows_and_all_its_counts(loader: Loader) -> None:
    text = HEADER + poll(1, 1) + "1,never,active\n" + poll(2, 1)
    assert loader.load(text) == (3, 2, 0, 1)
    text += poll(1, 2) + "2,never,active\n"
    assert loader.load(text) == (5, 1, 2, 2)
    assert loader.load(text) == (5, 0, 3, 2)
    lines = "SELECT line FROM rejected_rows WHERE ingestion = (SELECT max(id) FROM ingestions)"
    assert [row["line"] for row in loader.fetch(f"{lines} ORDER BY 1")] == [3, 6]


def test_only_the_new_end_of_a_grown_file_is_read(loader: Loader) -> None:
    loader.load(HEADER + poll(1, 1))
    # Proof by a change behind its back: a row that were read again would come back.
    asyncio.run(_execute(loader.url, "DELETE FROM observations"))
    loader.load(HEADER + poll(1, 1) + poll(1, 2))
    assert len(loader.stored()) == 1


def test_another_file_that_is_larger_is_read_whole_whatever_lies_at_the_old_end(
    loader: Loader,
) -> None:
    loader.load(HEADER + poll(1, 1))
    # Read from there on, it would be refused: a line without an end, and no CSV.
    other = HEADER + poll(2, 1) + poll(2, 2) + '"' + "x" * 100
    assert loader.load(other)[0] == 3
    assert {store for store, _, _ in loader.stored()} == {"1", "2"}


def test_of_a_file_that_is_no_shorter_it_is_known_before_it_is_loaded_that_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = GrownDigest._read

    def read_slowly(digest: GrownDigest, path: Path, left: int) -> str:
        time.sleep(0.2)
        return read(digest, path, left)

    monkeypatch.setattr(GrownDigest, "_read", read_slowly)
    path = tmp_path / "hour.csv"
    path.write_text(HEADER + poll(1, 2))
    size = path.stat().st_size
    before = sha256((HEADER + poll(1, 1)).encode()).hexdigest()
    digest = GrownDigest(path, Prefix(ingestion_pk=1, rows=1, end=Position(size, 3), sha256=before))
    with pytest.raises(BeginsDifferently):
        digest.check_if_known()
    digest.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def test_after_another_file_a_grown_one_is_read_whole_and_wins(loader: Loader) -> None:
    loader.load(HEADER + poll(1, 1, "active"))
    loader.load(HEADER + poll(1, 1, "inactive"), "other.csv")
    assert loader.load(HEADER + poll(1, 1, "active") + poll(1, 2)) == (2, 2, 0, 0)
    assert {active for _, _, active in loader.stored()} == {True}


def test_a_changed_beginning_or_an_unfinished_line_is_read_again(loader: Loader) -> None:
    loader.load(HEADER + poll(1, 1) + poll(1, 2)[:-9])  # cut in the middle of the status
    assert loader.load(HEADER + poll(1, 1) + poll(1, 2)) == (2, 1, 1, 0)
    changed = HEADER + poll(1, 1, "inactive") + poll(1, 2) + poll(1, 3)
    assert loader.load(changed) == (3, 2, 1, 0)


ROWS = st.lists(
    st.builds(
        poll,
        store=st.integers(1, 4),
        hour=st.integers(0, 23),
        status=st.sampled_from(["active", "inactive"]),
        day=st.sampled_from([1, 2, 8, 9, 30]),
    ),
    max_size=25,
    unique_by=lambda row: row.rsplit(",", 1)[0],  # no store with two statuses for an instant
)


@pytest.mark.slow
@given(rows=ROWS, data=st.data())
@hypothesis_settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_order_and_splitting_of_files_do_not_matter(
    loader: Loader, rows: Sequence[str], data: st.DataObject
) -> None:
    loader.empty()
    counts = loader.load(HEADER + "".join(rows))
    assert counts == (len(rows), len(rows), 0, 0)
    whole = loader.stored()
    loader.empty()
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    pieces = data.draw(st.permutations([shuffled[:cut], shuffled[cut:], shuffled[cut // 2 :]]))
    for number, piece in enumerate(pieces):
        loader.load(HEADER + "".join(piece), f"piece-{number}.csv")
    assert loader.stored() == whole
