"""Reports of the stores that have some labels."""

from collections.abc import Iterator

import pytest

from openhours.settings import Settings
from tests.helpers.html import get_page
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

T = "2023-01-20T15:30:00Z"


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as reports:
        for store, region, brand in (
            ("a", "west", "x"), ("b", "east", "x"), ("c", "west", "y"), ("d", "", "y"),
        ):  # fmt: skip
            reports.store(store, ["2023-01-20 10:00 active", "2023-01-20 12:00 inactive"])
            reports.label(store, region=region, brand=brand)
        beat = {"pc": "desk", "event_time": "2023-01-20T15:00:00Z"}
        assert reports.client.post("/track", json=beat).status_code == 201
        reports.label("pc:desk", region="west")
        reports.label("nowhere", region="north")
        yield reports


@pytest.mark.parametrize(
    ("labels", "stores"),
    [
        ({"region": ["west"]}, ["a", "c", "pc:desk"]),
        ({"region": ["west", "east"]}, ["a", "b", "c", "pc:desk"]),
        ({"region": ["west"], "brand": ["x", "y"]}, ["a", "c"]),
        ({"region": ["east"], "brand": ["y"]}, []),
        ({"region": ["north"]}, []),
    ],
)
def test_a_report_has_the_rows_of_its_labels_alone(
    reports: Reports, labels: dict[str, list[str]], stores: list[str]
) -> None:
    header, *rows = reports.csv(reports.report(as_of=T))
    of_labels = reports.csv(reports.report(as_of=T, labels=labels))
    chosen = [row for row in rows if row.partition(",")[0] in stores]
    assert of_labels == [header, *chosen]
    assert len(chosen) == len(stores)


def test_ids_and_labels_must_both_match(reports: Reports) -> None:
    report_id = reports.report(store_ids=["a", "b"], labels={"region": ["west"]})
    assert [row.partition(",")[0] for row in reports.csv(report_id)[1:]] == ["a"]
    assert reports.info(report_id)["labels"] == {"region": ["west"]}
    assert reports.info(report_id)["stores_asked"] == 2


@pytest.mark.parametrize(
    ("labels", "path", "message"),
    [
        ({"area": ["west"]}, ["body", "labels", "area"], "unknown label: area"),
        ({"region": ["west", "up"]}, ["body", "labels", "region"], "unknown value of region: up"),
        ({"region": []}, ["body", "labels", "region"], "at least 1 item"),
        ({}, ["body", "labels"], "at least 1 item"),
        ({"region": "west"}, ["body", "labels", "region"], "valid array"),
        ({"region": ["a\0"]}, ["body", "labels", "region", "0"], "must not contain NUL"),
    ],
)
def test_unknown_labels_and_values_are_named(
    reports: Reports, labels: object, path: list[str], message: str
) -> None:
    answer = reports.client.post("/trigger_report", json={"labels": labels})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"] == path
    assert message in error["message"]
    assert reports.client.get("/reports").json() == []


def test_labels_count_that_are_there_when_the_report_is_computed(reports: Reports) -> None:
    report_id = reports.trigger(labels={"region": ["west"]})
    reports.label("a", region="east")
    reports.label("b", region="west")
    reports.compute(report_id)
    before = reports.csv(report_id)
    assert [row.partition(",")[0] for row in before[1:]] == ["b", "c", "pc:desk"]
    reports.label("b", region="")
    assert reports.csv(report_id) == before, "a complete report never changes"


def test_a_store_without_a_row_is_not_covered(reports: Reports) -> None:
    report_id = reports.report(labels={"region": ["west"]})
    of_report = {"report_id": report_id}
    assert reports.client.get("/api/stores/a/timeline", params=of_report).status_code == 200
    other = reports.client.get("/api/stores/b/timeline", params=of_report)
    assert (other.status_code, other.json()["detail"]) == (
        404,
        "the report does not cover this store",
    )


def test_pages_say_which_labels_and_do_not_take_it_for_all_stores(reports: Reports) -> None:
    every = reports.report()
    report_id = reports.report(labels={"region": ["west", "east"], "brand": ["x"]})
    facts = get_page(reports.client, f"/reports/{report_id}").text(".facts")
    assert "Stores 2, only brand: x, region: west or east" in facts
    assert get_page(reports.client, "/").attribute(".hero .note a", "href") == f"/reports/{every}"


def test_a_report_keeps_to_a_correction_by_labels(reports: Reports) -> None:
    """The report's own connection gives JSON as it is, that of a child process as text."""
    correction = {
        "labels": {"region": ["west"]},
        "from": "2023-01-20T08:00:00Z",
        "to": "2023-01-20T09:00:00Z",
        "treat_as": "down",
        "category": "other",
        "reason": "x",
    }
    before = reports.csv(reports.report(as_of=T))
    assert reports.client.post("/corrections", json=correction).status_code == 201
    after = reports.csv(reports.report(as_of=T))
    changed = [line.split(",")[0] for line in after if line not in before]
    assert changed == ["a", "c"], "of the PC nothing counts before its first heartbeat"
