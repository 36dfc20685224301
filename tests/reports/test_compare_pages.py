"""Two reports compared a page of stores at a time, and what a client gets of it: a file."""

import pytest

from tests.reports.comparing import AS_OF, diff, sql, store
from tests.reports.computing import Reports

pytestmark = pytest.mark.slow


def test_many_stores_are_compared_in_pages(reports: Reports) -> None:
    sql(
        reports,
        "INSERT INTO stores (store_id, feed, first_observed_at)"
        " SELECT 's' || n, 'polled', '2023-01-20Z' FROM generate_series(1, 4100) n",
    )
    before = reports.report(as_of=AS_OF)
    sql(reports, "UPDATE report_rows SET known = true, up = open WHERE store % 1000 = 1")
    after = reports.report(as_of=AS_OF)
    found = diff(reports, before, after)
    assert (found["compared"], found["different"]) == (4100, 5)
    names = [row["store_id"] for row in found["rows"]]
    assert names == sorted(names)
    assert found["causes"] == {"unknown": 5}


def test_a_report_that_is_removed_meanwhile_is_not_compared(reports: Reports) -> None:
    store(reports)
    before, after = reports.report(as_of=AS_OF), reports.report(as_of=AS_OF)
    gone = f"(SELECT id FROM reports WHERE report_id = '{before}')"
    sql(reports, f"DELETE FROM report_rows WHERE report = {gone}")
    for a, b in ((before, after), (after, before)):
        assert diff(reports, a, b, 404)["detail"] == "the report was removed"


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(("in_a", "in_b"), [("abdg", "bcdef"), ("efg", "abg"), ("g", "abcdefg")])
def test_reports_of_different_stores_are_compared_in_pages_of_any_size(
    reports: Reports, monkeypatch: pytest.MonkeyPatch, size: int, in_a: str, in_b: str
) -> None:
    for one in "gfedcba":  # not in the order of their ids
        store(reports, one)
    before = reports.report(as_of="2023-01-24T18:00:00Z", store_ids=list(in_a))
    after = reports.report(as_of="2023-01-25T12:00:00Z", store_ids=list(in_b))
    monkeypatch.setattr("openhours.reports.compare._stores_at_once", lambda _: size)
    both = sorted(set(in_a) & set(in_b))
    found = diff(reports, before, after)
    assert [row["store_id"] for row in found["rows"]] == both
    assert {(row["uptime_last_hour_a"], row["uptime_last_hour_b"]) for row in found["rows"]} == {
        (0.0, 60.0)
    }
    counts = (found["compared"], found["different"], found["only_a"], found["only_b"])
    assert counts == (len(both), len(both), len(in_a) - len(both), len(in_b) - len(both))


def test_a_comparison_is_a_file_that_is_made_once(reports: Reports) -> None:
    store(reports)
    before, after = (reports.report(as_of=f"2023-01-2{day}T18:00:00Z") for day in (4, 5))
    path = f"/reports/{before}/diff/{after}"
    for query in ("", "?format=csv"):
        plain = {"Accept-Encoding": "identity"}
        whole = reports.client.get(path + query, headers=plain)
        head = reports.client.head(path + query, headers=plain)
        assert int(head.headers["Content-Length"]) == len(whole.content) > 0
        tag = {"If-None-Match": whole.headers["ETag"], **plain}
        assert reports.client.get(path + query, headers=tag).status_code == 304
        part = reports.client.get(path + query, headers={"Range": "bytes=5-9", **plain})
        assert (part.status_code, part.content) == (206, whole.content[5:10])
    # Rows that go change nothing of a file that is there; the reports do.
    sql(reports, f"DELETE FROM reports WHERE report_id = '{before}'")
    assert reports.client.get(path).status_code == 404
