"""`GET /`: a page for people, JSON for programs."""

from openhours.access import TABLE
from openhours.settings import Settings
from tests.helpers.clients import running


def test_the_root_tells_programs_where_things_are(settings: Settings) -> None:
    with running(settings) as client:
        for accept in ("*/*", "application/json", "text/html;q=0, */*"):
            answer = client.get("/", headers={"Accept": accept})
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["vary"] == "Accept"
        found = answer.json()
        assert found["name"] == "openhours"
        assert found["version"] == client.get("/openapi.json").json()["info"]["version"]
        page = client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == "Accept"
    listed = {route.split(" ", 1)[1] for route in TABLE.routes}
    assert set(found["links"].values()) <= listed
