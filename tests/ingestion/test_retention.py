"""What is noted of old ingestions goes, but not what is needed to load files once."""

import pytest

from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.retention import prune_ingestions, prune_rejected_rows
from tests.ingestion.loader import Loader


@pytest.mark.slow
def test_old_rejected_rows_go_but_those_of_the_newest_ingestion_of_an_inbox_file_stay(
    loader: Loader,
) -> None:
    kept = {}
    for name, days, uploaded in (
        ("a", 90, False),
        ("a", 31, False),
        ("a", 29, False),
        ("b", 400, False),
        ("c", 40, False),
        ("c", 35, False),
        ("d", 31, True),
        ("e", 29, True),
    ):
        pk = loader.add(loader.place / f"{name}.csv", uploaded=uploaded).pk
        loader.fetch(
            f"UPDATE ingestions SET finished_at = now() - interval '{days} days' WHERE id = {pk}"
        )
        loader.fetch(f"INSERT INTO rejected_rows VALUES ({pk}, 2, 'bad_status', 'x')")
        kept[pk] = (name, days)
    assert loader.with_engine(prune_rejected_rows) == 4
    left = loader.fetch("SELECT ingestion FROM rejected_rows ORDER BY 1")
    assert [kept[row["ingestion"]] for row in left] == [("a", 29), ("b", 400), ("c", 35), ("e", 29)]
    assert loader.with_engine(prune_rejected_rows) == 0


def test_old_ingestions_go_but_the_newest_of_each_file_in_the_inbox_stays(loader: Loader) -> None:
    kept = {}
    for name, days, uploaded in (
        ("a", 500, False),
        ("a", 450, False),
        ("b", 500, False),
        ("b", 300, False),
        ("upload", 500, True),
        ("newer upload", 300, True),
        ("newest upload", 100, True),
        ("hours", 500, True),
    ):
        kind: Kind = "hours" if name == "hours" else "status"
        pk = loader.add(loader.place / f"{name}.csv", kind=kind, uploaded=uploaded).pk
        loader.fetch(
            f"UPDATE ingestions SET finished_at = now() - interval '{days} days' WHERE id = {pk}"
        )
        loader.fetch(f"INSERT INTO rejected_rows VALUES ({pk}, 2, 'bad_status', 'x')")
        kept[pk] = f"{name} {days}"
    assert loader.with_engine(lambda engine: prune_ingestions(engine, loader.settings)) == 3
    left = loader.fetch("SELECT id FROM ingestions ORDER BY 1")
    assert [kept[row["id"]] for row in left] == [
        "a 450",
        "b 300",
        "newer upload 300",
        "newest upload 100",
        "hours 500",
    ]
    assert len(loader.fetch("SELECT FROM rejected_rows")) == 5
    shorter = loader.settings.model_copy(update={"keep_ingestion_days": 200})
    assert loader.with_engine(lambda engine: prune_ingestions(engine, shorter)) == 1
    left = loader.fetch("SELECT id FROM ingestions ORDER BY 1")
    assert [kept[row["id"]] for row in left] == ["a 450", "b 300", "newest upload 100", "hours 500"]
