"""Work sessions of a real server that is killed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, bearer

SESSIONS = "/api/v1/sessions"


@pytest.mark.slow
def test_two_devices_at_once_and_a_kill(settings: Settings) -> None:
    """One running session, whatever happens at once or to the server."""
    with Service(settings.data_dir.parent, OPENHOURS_WORKER="0") as service:
        body = {"username": "ann", "password": PASSWORD}
        user = service.client.post("/api/v1/user/register", json=body).json()["user"]
        service.client.headers.update(bearer(user["token"]))

        def start(key: str | None) -> tuple[int, Any]:
            headers = {"Idempotency-Key": key} if key else {}
            answer = service.client.post(f"{SESSIONS}/ann/start", headers=headers)
            return answer.status_code, answer.json()

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(start, [None] * 8))
        assert sorted(status for status, _ in answers) == [200] + [409] * 7
        ids = {(body if status == 200 else body["session"])["id"] for status, body in answers}
        assert len(ids) == 1
        service.client.post(f"{SESSIONS}/ann/stop")

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(start, ["the same"] * 8))
        assert {status for status, _ in answers} == {200}
        (running_id,) = {body["id"] for _, body in answers}
        created_at = answers[0][1]["createdAt"]

        service.kill()
        service.start()
        (live, _) = service.client.get(f"{SESSIONS}/ann").json()["sessions"]
        assert (live["id"], live["running"], live["createdAt"]) == (running_id, True, created_at)
        assert service.client.post(f"{SESSIONS}/ann/stop").json()["id"] == running_id
