"""Work sessions of a user who has signed in, as the timer's pages need them."""

from typing import Any

from fastapi.testclient import TestClient

from tests.helpers.html import get_page

# Of the page's list.
ROWS = "[aria-label='List of sessions'] tbody tr"


def save(user: TestClient, *finished: tuple[str, str, int]) -> None:
    """Save sessions over the API: name, start and milliseconds of each."""
    page = get_page(user, "/timer")
    headers = {"X-CSRF-Token": page.attribute("meta[name=csrf-token]", "content")}
    for name, created_at, ms in finished:
        body = {"name": name, "createdAt": created_at, "time": ms}
        body |= {"username": page.text(".signout a")}
        answer = user.post("/api/v1/sessions/new", json=body, headers=headers)
        assert answer.status_code == 200, answer.text


def api_sessions(user: TestClient) -> list[dict[str, Any]]:
    """Return the user's sessions, newest start first, as the API has them."""
    username = get_page(user, "/timer").text(".signout a")
    found: list[dict[str, Any]] = user.get(f"/api/v1/sessions/{username}").json()["sessions"]
    return found


def session_ids(user: TestClient) -> list[int]:
    return [session["id"] for session in api_sessions(user)]
