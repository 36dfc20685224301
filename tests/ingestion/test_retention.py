"""Rejected rows go after 30 days, but never those of a file's newest ingestion."""

from openhours.ingestion.retention import prune_rejected_rows
from tests.ingestion.loader import Loader


def test_old_rejected_rows_go_but_those_of_the_newest_ingestion_of_a_file_stay(
    loader: Loader,
) -> None:
    kept = {}
    for name, days in (("a", 90), ("a", 31), ("a", 29), ("b", 400), ("c", 40), ("c", 35)):
        pk = loader.add(loader.place / f"{name}.csv").pk
        loader.fetch(
            f"UPDATE ingestions SET finished_at = now() - interval '{days} days' WHERE id = {pk}"
        )
        loader.fetch(f"INSERT INTO rejected_rows VALUES ({pk}, 2, 'bad_status', 'x')")
        kept[pk] = days
    assert loader.with_engine(prune_rejected_rows) == 3
    left = loader.fetch("SELECT ingestion FROM rejected_rows ORDER BY 1")
    assert [kept[row["ingestion"]] for row in left] == [29, 400, 35]
    assert loader.with_engine(prune_rejected_rows) == 0
