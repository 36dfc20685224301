"""Labels replace by store and key; an empty value takes one away, and the later line wins."""

import gzip
import zipfile

import pytest

from tests.ingestion.loader import Loader

pytestmark = pytest.mark.slow

FILE = "labels.csv"


def labels(loader: Loader) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for store, key, value in loader.fetch(
        "SELECT store_id, key, value FROM labels JOIN stores ON id = store"
    ):
        found.setdefault(store, {})[key] = value
    return found


def test_a_file_replaces_the_labels_that_it_names(loader: Loader) -> None:
    first = "store_id,region,brand\na,west,Blue\nb,east,\npc:x,,Red\nc,,\n"
    assert loader.load(first, FILE) == (4, 3, 1, 0)
    assert loader.load(first, FILE) == (4, 0, 4, 0)
    assert labels(loader) == {
        "a": {"region": "west", "brand": "Blue"},
        "b": {"region": "east"},
        "pc:x": {"brand": "Red"},
    }
    assert loader.load("store_id,region\na,\nb,east\npc:x,north\n", FILE) == (3, 2, 1, 0)
    assert labels(loader) == {
        "a": {"brand": "Blue"},
        "b": {"region": "east"},
        "pc:x": {"brand": "Red", "region": "north"},
    }


def test_the_later_line_wins_also_from_block_to_block(loader: Loader) -> None:
    others = "".join(f"store-{number},somewhere-{number}\n" for number in range(50_000))
    assert len(others) > 1 << 20  # more than one block
    text = f"store_id,region\na,west\nb,west\n{others}a,\nb,east\n"
    assert loader.load(text, FILE) == (50_004, 50_001, 3, 0)
    found = labels(loader)
    assert (found.get("a"), found["b"]) == (None, {"region": "east"})


def test_a_bad_row_does_not_keep_the_others_out(loader: Loader) -> None:
    rows = f"a,west\n*,west\na,{'x' * 201}\n"
    assert loader.load("store_id,region\n" + rows, FILE) == (3, 1, 0, 2)
    pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
    assert loader.rejected(pk) == [(3, "reserved_store_id"), (4, "bad_label")]
    assert labels(loader) == {"a": {"region": "west"}}


def test_a_bad_target_is_listed_with_its_line(loader: Loader) -> None:
    text = "store_id,region,target\na,west,99.5\nb,west,all\na,east,100.5\n"
    assert loader.load(text, FILE) == (3, 1, 0, 2)
    pk = loader.fetch("SELECT max(id) FROM ingestions")[0][0]
    assert loader.rejected(pk) == [(3, "bad_target"), (4, "bad_target")]
    assert labels(loader) == {"a": {"region": "west", "target": "99.5"}}


@pytest.mark.parametrize("name", ["labels.csv.gz", "labels.zip"])
def test_packed_files_are_told_by_their_names_too(loader: Loader, name: str) -> None:
    path, content = loader.place / name, b"store_id,region\na,west\n"
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("any.csv", content)
    row = loader.run(loader.add(path).pk)
    assert (row["state"], row["kind"], row["loaded"]) == ("complete", "labels", 1)


def test_a_kind_that_is_given_needs_no_name(loader: Loader) -> None:
    path = loader.place / "regions.csv"
    path.write_text("store_id,region\na,west\n")
    assert loader.run(loader.add(path).pk)["state"] == "failed"
    assert loader.run(loader.add(path, kind="labels").pk)["loaded"] == 1


def test_a_refused_file_changes_nothing(loader: Loader) -> None:
    loader.load("store_id,region\na,west\n", FILE)
    path = loader.place / FILE
    path.write_text("store_id,region,status\na,east,x\n")
    row = loader.run(loader.add(path).pk)
    assert row["error"] == "not a labels file: status: a column of other files, and no label"
    assert labels(loader) == {"a": {"region": "west"}}


def test_a_damaged_end_brings_none_of_the_rows(loader: Loader) -> None:
    path = loader.place / "labels.csv.gz"
    rows = "".join(f"store-{number},somewhere-{number}\n" for number in range(100_000))
    path.write_bytes(gzip.compress(f"store_id,region\n{rows}".encode())[:-20])
    assert loader.run(loader.add(path).pk)["error"].startswith("a damaged gzip file:")
    assert labels(loader) == {}
    assert loader.fetch("SELECT FROM stores") == []


def test_ids_and_labels_that_a_spreadsheet_would_take_for_formulas_are_named(
    loader: Loader,
) -> None:
    loader.load("store_id,phone,name\n=a,+49 30 1,x\nb,+49 30 2,-\nc,49,x-\n", FILE)
    [row] = loader.fetch("SELECT warning FROM ingestions")
    first, second = row["warning"].split("trust who named it. ")
    assert first.startswith("1 store id begins as a formula does: =a (")
    assert second.startswith("3 labels begin as formulas do, one of them is: +49 30 1 (")
