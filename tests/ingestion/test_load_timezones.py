"""Time zones files replace by store; the later line wins."""

import pytest

from tests.ingestion.loader import Loader

pytestmark = pytest.mark.slow

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


def test_the_later_line_wins_also_from_block_to_block(loader: Loader) -> None:
    others = "".join(f"store-{number},Europe/Berlin\n" for number in range(50_000))
    assert len(others) > 1 << 20  # more than one block
    text = HEADER + "a,Asia/Beirut\n" + others + "a,UTC\n"
    assert loader.load(text) == (50_002, 50_001, 1, 0)
    assert zones(loader)["a"] == "UTC"
