"""Rejected rows go after 30 days, but those of a file that lies in the inbox stay."""

from openhours.ingestion.retention import prune_rejected_rows
from tests.ingestion.loader import Loader


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
