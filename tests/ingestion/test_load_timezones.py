"""Time zones files replace by store; the later line wins."""

from tests.ingestion.loader import Loader

HEADER = "store_id,timezone_str\n"


def zones(loader: Loader) -> dict[str, str]:
    return dict(loader.fetch("SELECT store_id, timezone FROM stores"))


def test_zones_replace_by_store(loader: Loader) -> None:
    assert loader.load(HEADER + "a,Asia/Beirut\nb,UTC\na,Europe/Berlin\n") == (3, 2, 1, 0)
    assert loader.load(HEADER + "b,UTC\na,Asia/Kolkata\nc,Mars/Base\n") == (3, 1, 1, 1)
    assert zones(loader) == {"a": "Asia/Kolkata", "b": "UTC"}


def test_a_file_without_rows_changes_nothing(loader: Loader) -> None:
    assert loader.load(HEADER) == (0, 0, 0, 0)
    assert zones(loader) == {}
