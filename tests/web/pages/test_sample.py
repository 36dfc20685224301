"""An empty service offers the sample."""

import pytest

from openhours.ingestion import sample_data
from openhours.ingestion.sample import STORES
from openhours.settings import Settings
from tests.helpers.clients import make_keys, running
from tests.helpers.html import get_page, parsed, post_form

BUTTON = "form[action='/files/sample'] button"


def test_its_files_are_queued_and_nothing_is_offered_any_more(settings: Settings) -> None:
    with running(settings) as client:
        assert get_page(client, "/").text(BUTTON) == "Load the sample"
        answer = post_form(client, "/files/sample")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        names = [file["name"] for file in client.get("/ingestions").json()][::-1]
        assert names == ["store_status.csv.gz", "menu_hours.csv", "timezones.csv", "labels.csv"]
        written = (settings.data_dir / "uploads" / "menu_hours.csv").read_text()
        assert all(store in written for store in sample_data.store_ids(STORES)[4:])
        page = get_page(client, "/")
        assert page.all(BUTTON) == []
        assert page.texts(".files span") == ["queued, 0 %"] * 4
        assert page.all("[data-busy]") != []
        again = parsed(post_form(client, "/files/sample"), 409)
        assert "There is data already" in again.text("main")


@pytest.mark.slow
def test_it_is_offered_to_those_alone_who_may_load_files(settings: Settings) -> None:
    reporter, loader = make_keys(settings, [["report"], ["report", "ingest"]])
    with running(settings) as client:
        for key, offered in ((reporter, 0), (loader, 1)):
            post_form(client, "/signin", key=key)
            assert len(get_page(client, "/").all(BUTTON)) == offered
            status = post_form(client, "/files/sample").status_code
            assert status == (303 if offered else 403)
            post_form(client, "/signout")


def test_one_store_is_data_already(settings: Settings) -> None:
    with running(settings) as client:
        client.post("/track", json={"pc": "desk"}).raise_for_status()
        assert get_page(client, "/").all(BUTTON) == []
        assert post_form(client, "/files/sample").status_code == 409
        assert client.get("/ingestions").json() == []
