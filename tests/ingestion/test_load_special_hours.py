"""Special hours replace by store and date; `*` stands for every store, and is none itself."""

from tests.ingestion.loader import Loader

HEADER = "store_id,date,start_time_local,end_time_local\n"
HOUR = 3_600_000_000


def special(loader: Loader) -> list[tuple[str, str, int, int]]:
    rows = loader.fetch(
        "SELECT coalesce(store_id, '*'), date::text,"
        f" CASE WHEN opens < 0 THEN opens ELSE opens / {HOUR} END,"
        f" CASE WHEN closes < 0 THEN closes ELSE closes / {HOUR} END"
        " FROM special_hours LEFT JOIN stores ON id = store ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


def test_a_date_of_a_store_gets_the_hours_of_the_file(loader: Loader) -> None:
    text = "a,2024-12-24,9:00,12:00\na,2024-12-24,14:00,16:00\na,2024-12-25,,\n*,2024-12-24,,\n"
    assert loader.load(HEADER + text) == (4, 4, 0, 0)
    assert loader.load(HEADER + text) == (4, 0, 4, 0)
    assert loader.load(HEADER + "a,2024-12-24,9:00,12:00\na,2024-12-24,13:00,16:00\n") == (
        2,
        1,
        1,
        0,
    )
    assert special(loader) == [
        ("*", "2024-12-24", -1, -1),
        ("a", "2024-12-24", 9, 12),
        ("a", "2024-12-24", 13, 16),
        ("a", "2024-12-25", -1, -1),
    ]
    assert loader.load(HEADER + "*,2024-12-24,10:00,11:00\n") == (1, 1, 0, 0)
    assert special(loader)[0] == ("*", "2024-12-24", 10, 11)
    stores = loader.fetch("SELECT store_id FROM stores")
    assert [row[0] for row in stores] == ["a"]


def test_a_bad_row_does_not_keep_the_others_out(loader: Loader) -> None:
    assert loader.load(HEADER + "a,2024-12-24,,\na,2024-13-24,,\n") == (2, 1, 0, 1)
    pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
    assert loader.rejected(pk) == [(3, "bad_date")]


def test_every_store_is_no_store_of_other_files(loader: Loader) -> None:
    for text in (
        "store_id,day,start_time_local,end_time_local\n*,0,9:00,17:00\n",
        "store_id,timezone_str\n*,Europe/Berlin\n",
        "store_id,timestamp_utc,status\n*,2023-01-22 12:09:39 UTC,active\n",
    ):
        assert loader.load(text) == (1, 0, 0, 1)
        pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
        assert loader.rejected(pk) == [(2, "reserved_store_id")]
