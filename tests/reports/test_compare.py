"""Two reports compared: each change alone is told as that, over the application's routes."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from openhours.times import iso, now
from tests.reports.comparing import AS_OF, diff, sql, store
from tests.reports.computing import Reports

pytestmark = pytest.mark.slow


def causes(reports: Reports, a: str, b: str) -> dict[str, list[str]]:
    """The causes of each store that differs."""
    found = diff(reports, a, b)
    assert found["different"] == len(found["rows"])
    told = [cause for row in found["rows"] for cause in row["causes"]]
    assert found["causes"] == {cause: told.count(cause) for cause in found["causes"]}
    return {row["store_id"]: row["causes"] for row in found["rows"]}


def late_poll(reports: Reports, at: str = "2023-01-24 12:30+00", active: bool = False) -> None:
    sql(reports, f"INSERT INTO observations SELECT id, '{at}', {active} FROM stores LIMIT 1")


def late_change(reports: Reports) -> None:
    sql(
        reports,
        "UPDATE observations SET active = NOT active WHERE observed_at = '2023-01-24 14:00+00'",
    )


def other_hours(reports: Reports) -> None:
    sql(reports, "UPDATE business_hours SET closes = closes - 3600000000 WHERE day = 1")


def special(store_id: str) -> Callable[[Reports], None]:
    def change(reports: Reports) -> None:
        answer = reports.client.put(
            f"/special_hours/{store_id}/2023-01-24", json={"hours": ["9:00-11:00"]}
        )
        assert answer.status_code == 200, answer.text

    return change


def other_zone(reports: Reports) -> None:
    sql(reports, "UPDATE stores SET timezone = 'Europe/Berlin'")


CORRECTION = {
    "from": "2023-01-24T10:00:00Z",
    "to": "2023-01-24T11:00:00Z",
    "treat_as": "down",
    "category": "other",
    "reason": "x",
}


def correct(reports: Reports, **which: Any) -> str:
    answer = reports.client.post("/corrections", json=CORRECTION | (which or {"all": True}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["correction_id"])


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (late_poll, "late_data"),
        (late_change, "late_data"),
        (other_hours, "hours"),
        (special("a"), "special_hours"),
        (special("*"), "special_hours"),
        (other_zone, "timezone"),
        (correct, "corrections"),
    ],
)
def test_a_change_alone_is_exactly_that_cause_and_its_undoing_is_it_too(
    reports: Reports, change: Callable[[Reports], object], cause: str
) -> None:
    store(reports)
    before = reports.report(as_of=AS_OF)
    change(reports)
    after = reports.report(as_of=AS_OF)
    assert causes(reports, before, after) == {"a": [cause]}
    assert causes(reports, after, before) == {"a": [cause]}
    assert diff(reports, before, after)["options"] == {}
    again = reports.report(as_of=AS_OF)
    equal = diff(reports, after, again)
    assert (equal["rows"], equal["causes"], equal["different"]) == ([], {}, 0)
    assert (equal["compared"], equal["only_a"], equal["only_b"]) == (1, 0, 0)


def test_a_correction_is_revoked_or_covers_other_stores_by_their_labels(reports: Reports) -> None:
    store(reports)
    store(reports, "b")
    reports.label("a", region="west")
    before = reports.report(as_of=AS_OF)
    made = correct(reports, labels={"region": ["west"]})
    corrected = reports.report(as_of=AS_OF)
    assert causes(reports, before, corrected) == {"a": ["corrections"]}
    reports.label("a", region="")
    reports.label("b", region="west")
    moved = reports.report(as_of=AS_OF)
    assert causes(reports, corrected, moved) == {"a": ["corrections"], "b": ["corrections"]}
    assert reports.client.delete(f"/corrections/{made}").status_code == 204
    after = reports.report(as_of=AS_OF)
    assert causes(reports, moved, after) == {"b": ["corrections"]}
    assert causes(reports, before, after) == {}


def test_options_are_named_with_both_values(reports: Reports) -> None:
    store(reports)
    nearest = reports.report(as_of=AS_OF)
    previous = reports.report(as_of=AS_OF, interpolation="previous")
    assert causes(reports, nearest, previous) == {"a": ["options"]}
    found = diff(reports, nearest, previous)
    assert found["options"] == {"interpolation": {"a": "nearest", "b": "previous"}}
    assert (found["a"]["report_id"], found["b"]["report_id"]) == (nearest, previous)


def test_a_row_has_the_figures_of_both_and_the_change(reports: Reports) -> None:
    store(reports)
    before = reports.report(as_of=AS_OF)
    late_change(reports)
    after = reports.report(as_of=AS_OF)
    (row,) = diff(reports, before, after)["rows"]
    assert row == {
        "store_id": "a",
        "causes": ["late_data"],
        "uptime_last_hour_a": 0.0,
        "uptime_last_hour_b": 0.0,
        "uptime_last_hour_change": 0.0,
        "downtime_last_hour_a": 0.0,
        "downtime_last_hour_b": 0.0,
        "downtime_last_hour_change": 0.0,
        "uptime_last_day_a": 3.0,
        "uptime_last_day_b": 3.0,
        "uptime_last_day_change": 0.0,
        "downtime_last_day_a": 5.0,
        "downtime_last_day_b": 5.0,
        "downtime_last_day_change": 0.0,
        "uptime_last_week_a": 21.0,
        "uptime_last_week_b": 26.0,
        "uptime_last_week_change": 5.0,
        "downtime_last_week_a": 35.0,
        "downtime_last_week_b": 30.0,
        "downtime_last_week_change": -5.0,
    }
    answer = reports.client.get(f"/reports/{before}/diff/{after}?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="diff-')
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert line["causes"] == "late_data"
    assert line["uptime_last_week_change(in hours)"] == "5.00"
    assert line["downtime_last_hour_a(in minutes)"] == "0.00"


def test_a_store_may_become_known_and_what_rounds_to_nothing_is_no_difference(
    reports: Reports,
) -> None:
    reports.store("a", ["2023-01-24 03:00 active"], hours="9-17")
    reports.store("b", ["2023-01-24 10:00 active", "2023-01-24 11:00 inactive"], hours="9-17")
    before = reports.report(as_of=AS_OF)
    late_poll(reports, active=True)
    moved = "observed_at + interval '2 seconds'"
    sql(reports, f"UPDATE observations SET observed_at = {moved} WHERE NOT active")
    after = reports.report(as_of=AS_OF)
    found = diff(reports, before, after)
    (row,) = found["rows"]
    assert (row["store_id"], row["causes"]) == ("a", ["late_data"])
    assert row["uptime_last_week_a"] is None
    assert row["uptime_last_week_b"] is not None
    assert row["uptime_last_week_change"] is None
    answer = reports.client.get(f"/reports/{before}/diff/{after}?format=csv")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert line["uptime_last_week_a(in hours)"] == line["uptime_last_week_change(in hours)"] == ""


def test_with_another_as_of_late_data_is_what_came_for_the_time_before_the_first(
    reports: Reports,
) -> None:
    store(reports)
    store(reports, "b")
    before = reports.report(as_of="2023-01-25T13:00:00Z")
    late_poll(reports, at="2023-01-25 12:30+00")
    sql(reports, "INSERT INTO observations SELECT id, '2023-01-25 13:30+00', false FROM stores")
    after = reports.report(as_of=AS_OF)
    assert causes(reports, before, after) == {"a": ["as_of", "late_data"], "b": ["as_of"]}
    found = diff(reports, before, after)["options"]
    assert found["as_of_polled"] == {
        "a": "2023-01-25T13:00:00.000000Z",
        "b": "2023-01-25T18:00:00.000000Z",
    }


def test_a_pc_has_late_beats_and_an_expiry(reports: Reports) -> None:
    as_of = now() - timedelta(hours=1)

    def beat(minutes: int) -> None:
        at = iso(as_of - timedelta(minutes=minutes))
        reports.client.post("/track", json={"pc": "joe", "event_time": at}).raise_for_status()

    beat(600)
    beat(30)
    before = reports.report(as_of=iso(as_of))
    beat(40)
    beat(-30)
    after = reports.report(as_of=iso(as_of))
    assert causes(reports, before, after) == {"pc:joe": ["late_data"]}
    sql(reports, f"UPDATE reports SET heartbeat_expiry_seconds = 60 WHERE report_id = '{before}'")
    again = reports.report(as_of=iso(as_of))
    assert causes(reports, before, again) == {"pc:joe": ["options", "late_data"]}


def test_only_stores_and_windows_of_both_are_compared(reports: Reports) -> None:
    store(reports)
    before = reports.report(as_of=AS_OF, windows=["last_day", "2023-01-24"])
    late_change(reports)
    store(reports, "b")
    after = reports.report(as_of=AS_OF, windows=["2023-01-24", "last_week"])
    found = diff(reports, before, after)
    assert found["windows"] == ["2023-01-24"]
    assert (found["compared"], found["only_a"], found["only_b"]) == (1, 0, 1)
    assert found["options"] == {
        "windows": {"a": ["last_day", "2023-01-24"], "b": ["2023-01-24", "last_week"]}
    }
    (row,) = found["rows"]
    assert row["uptime_2023-01-24_change"] == 5.0
    assert "uptime_last_day_a" not in row


def test_reports_that_cannot_be_compared(reports: Reports) -> None:
    store(reports)
    one = reports.report(as_of=AS_OF, windows=["last_day"])
    other = reports.report(as_of=AS_OF, windows=["last_week"])
    waiting = reports.trigger()
    problem = diff(reports, one, other, 422)
    assert problem["errors"][0]["message"] == "the reports have no window of the same name"
    assert diff(reports, one, waiting, 409)["detail"] == "the report is queued"
    assert diff(reports, waiting, one, 409)["detail"] == "the report is queued"
    for a, b in ((one, "nothing"), ("nothing", one)):
        assert diff(reports, a, b, 404)["detail"] == "no report has this id"
    assert reports.client.get(f"/reports/{one}/diff/{one}?format=pdf").status_code == 422


def test_of_reports_that_kept_no_inputs_the_causes_are_unknown(reports: Reports) -> None:
    store(reports)
    before = reports.report(as_of=AS_OF)
    late_change(reports)
    after = reports.report(as_of=AS_OF)
    forget = (
        "UPDATE {} SET inputs = NULL WHERE {} = (SELECT id FROM reports WHERE report_id = '{}')"
    )
    sql(reports, forget.format("reports", "id", before))
    sql(reports, forget.format("report_rows", "report", before))
    assert causes(reports, before, after) == {"a": ["unknown"]}
    assert diff(reports, before, after)["without_inputs"] == [before]
    assert diff(reports, after, after)["without_inputs"] == []
