"""Labels files: each column beside the id is a label, with any name that no other file has."""

from pathlib import Path

import pytest

from openhours.ingestion.csv.kinds import kind_of
from openhours.ingestion.csv.labels import LabelsBlock, read_labels
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import open_source


def labels(tmp_path: Path, *lines: str) -> tuple[list[str], LabelsBlock]:
    path = tmp_path / "file.csv"
    path.write_text("\n".join([*lines, ""]))
    with open_source(path) as source:
        keys, blocks = read_labels(source)
        (block,) = blocks
    assert block.rows == len(block.store) + len(block.rejects)
    return keys, block


def test_columns_are_labels_wherever_the_id_stands(tmp_path: Path) -> None:
    header = "region,store_id, opened by "
    keys, block = labels(
        tmp_path, header, " west ,7,Zoë", "", 'east,pc:desk,"a, b"', "west,8,", ",9,  "
    )
    assert keys == ["region", "opened by"]
    assert [block.store_ids[code] for code in block.store] == ["7", "pc:desk", "8", "9"]
    assert block.values == [["west", "Zoë"], ["east", "a, b"], ["west", ""], ["", ""]]
    assert block.line.tolist() == [2, 4, 5, 6]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("7," + "x" * 201, "bad_label"),
        (",west", "missing_store_id"),
        ("*,west", "reserved_store_id"),
        ("8.13992E+018,west", "mangled_store_id"),
        ("7,west,x", "wrong_column_count"),
    ],
)
def test_a_bad_row_is_rejected_by_itself(tmp_path: Path, row: str, reason: str) -> None:
    longest = "ß" * 200
    _, block = labels(tmp_path, "store_id,region", f"7,{longest}", row, f"8, {longest} ")
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, row.encode())]
    assert block.values == [[longest], [longest]]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("region,name", "no column store_id"),
        ("store_id", "no column beside store_id"),
        ("store_id,region,store_id", "more than one column store_id"),
        ("store_id,region,brand, region", "column 4 has the name of one before"),
        ("store_id,region,", "a column has no name"),
        ("store_id," + "x" * 201, "longer than 200 characters"),
        ("store_id,a=b", "an equals sign"),
        ('store_id,"a\nb"', "a line end"),
        ("store_id," + ",".join(f"l{n}" for n in range(21)), "21 columns beside store_id; 20 "),
        *(
            (f"store_id,region,{name}", f"{name}: a column of other files")
            for name in (
                "timestamp_utc", "status", "day", "dayOfWeek", "start_time_local",
                "end_time_local", "valid_from", "date", "timezone_str",
            )
        ),
    ],
)  # fmt: skip
def test_a_file_with_wrong_columns_is_refused(tmp_path: Path, header: str, why: str) -> None:
    with pytest.raises(FileRefused, match=f"^not a labels file: .*{why}"):
        labels(tmp_path, header, "")


def test_twenty_labels_with_long_names_are_good(tmp_path: Path) -> None:
    named = [f"{n:02d}" + "x" * 198 for n in range(20)]
    keys, block = labels(tmp_path, ",".join(["store_id", *named]), "7" + ",v" * 20)
    assert keys == named
    assert block.values == [["v"] * 20]


@pytest.mark.parametrize("target", ["0", "100", "99.5", " 99.95 ", "100.00", "007", ""])
def test_a_target_is_a_percentage(tmp_path: Path, target: str) -> None:
    _, block = labels(tmp_path, "store_id,region,target", f"7,west,{target}")
    assert block.values == [["west", target.strip()]]


@pytest.mark.parametrize(
    "target",
    ["high", "99.5%", '"99,5"', "-1", "+1", "100.01", "101", "1e1", "nan", "99.995", "9 9", "٩٩"],
)
def test_another_target_is_rejected_with_its_row(tmp_path: Path, target: str) -> None:
    row = f"7,west,{target}"
    _, block = labels(tmp_path, "store_id,region,target", row, f"8,{target},1")
    assert [tuple(reject) for reject in block.rejects] == [(2, "bad_target", row.encode())]
    assert [block.store_ids[code] for code in block.store] == ["8"]


def test_the_name_tells_a_labels_file() -> None:
    for name in ("labels.csv", "labels-2024.csv.gz", "Labels of shops.zip"):
        assert kind_of(["store_id", "region"], name) == "labels"
    assert kind_of(["store_id", "timezone_str"], "zones.labels.csv") == "timezones"
    with pytest.raises(FileRefused, match=r"the name of a labels file begins with labels$"):
        kind_of(["store_id", "region"], "regions.csv")
