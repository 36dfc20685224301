"""docs/spec.md, part 2, rule 8: reports keep to corrections, over a real server."""

from typing import Any

from tools.service import Service

from tests.helpers.csv_files import ID, hours_csv, rows_of, status_csv, zone_csv

SHARED_SERVICE = True

URL = "/corrections"
AS_OF = "2023-01-25T17:00:00Z"  # a Wednesday
UP, DOWN = "uptime_last_week(in hours)", "downtime_last_week(in hours)"


def load(service: Service) -> None:
    """Two stores, open 9 to 17 in UTC, of which every poll is active."""
    for store in (f"{ID}1", f"{ID}2"):
        service.upload("timezones", zone_csv(store=store))
        service.upload("hours", hours_csv([(day, "09:00", "17:00") for day in range(7)], store))
        service.upload("status", status_csv(["2023-01-25 10:00:00 active"], store))


def correct(service: Service, treat_as: str, begins: str, ends: str, **which: Any) -> str:
    answer = service.client.post(
        URL,
        json={
            **(which or {"all": True}),
            "from": f"2023-01-{begins}:00:00Z",
            "to": f"2023-01-{ends}:00:00Z",
            "treat_as": treat_as,
            "category": "maintenance",
            "reason": "a new till",
        },
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["correction_id"])


def report(service: Service, **params: str) -> tuple[str, dict[str, dict[str, str]]]:
    report_id = service.trigger(as_of=AS_OF)
    return report_id, rows_of(service.wait_report(report_id, params=params).text)


def description(service: Service, report_id: str) -> dict[str, Any]:
    address = f"/get_report/{report_id}"
    info: dict[str, Any] = service.client.get(
        address, headers={"Accept": "application/json"}
    ).json()
    return info


def test_the_worked_example_of_two_corrections(service: Service) -> None:
    load(service)
    before, rows = report(service)
    assert (rows[f"{ID}1"][UP], rows[f"{ID}1"][DOWN]) == ("56.00", "0.00")
    plain = service.client.get(f"/get_report/{before}").content

    made = [
        correct(service, "down", "24T12", "24T14", store_ids=[f"{ID}1"]),
        correct(service, "excluded", "24T13", "24T15", store_ids=[f"{ID}1"]),
    ]
    report_id, rows = report(service)
    assert (rows[f"{ID}1"][UP], rows[f"{ID}1"][DOWN]) == ("53.00", "1.00")
    assert (rows[f"{ID}2"][UP], rows[f"{ID}2"][DOWN]) == ("56.00", "0.00")
    assert description(service, report_id)["corrections"] == made
    full = service.client.get(f"/get_report/{report_id}", params={"detail": "full"}).text
    assert rows_of(full)[f"{ID}1"]["corrected_last_week(in hours)"] == "3.00"
    assert rows_of(full)[f"{ID}2"]["corrected_last_week(in hours)"] == "0.00"

    page = service.client.get(f"/stores/{ID}1", params={"report_id": report_id})
    assert page.status_code == 200
    assert "changed after the report" not in page.text

    for correction_id in made:
        assert service.client.delete(f"{URL}/{correction_id}").status_code < 300
    after, _ = report(service)
    assert service.client.get(f"/get_report/{after}").content == plain, "as if never made"
    assert description(service, after)["corrections"] == []
    kept = rows_of(service.client.get(f"/get_report/{report_id}").text)
    assert (kept[f"{ID}1"][UP], kept[f"{ID}1"][DOWN]) == ("53.00", "1.00"), "untouched"


def test_planned_maintenance_and_what_the_lookback_does_not_meet_change_nothing(
    service: Service,
) -> None:
    load(service)
    correct(service, "down", "26T00", "27T00")
    report_id, rows = report(service)
    assert rows[f"{ID}1"][UP] == "56.00"
    assert description(service, report_id)["corrections"] == []


def test_an_explanation_names_the_correction(service: Service) -> None:
    load(service)
    correct(service, "down", "24T12", "24T14")
    found = service.client.get(
        f"/api/stores/{ID}1/explain", params={"at": "2023-01-24T12:30:00Z", "as_of": AS_OF}
    ).json()
    assert found["segment"]["rule"] == "corrected"
    assert "corrected (maintenance: a new till)" in found["reason"]
