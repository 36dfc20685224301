"""`/health` and the overview page of a real server: are there workers for what waits?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.service import Service
from tools.zygote import Forked

from tests.helpers.command import start_worker
from tests.helpers.html import HTML, parsed
from tests.helpers.waiting import wait_for

STATUS = b"store_id,timestamp_utc,status\n1,2023-01-22 12:09:39 UTC,active\n"


ENVIRONMENT = {"OPENHOURS_WORKER": "0"}


@pytest.fixture
def workers() -> Iterator[list[Forked]]:
    started: list[Forked] = []
    yield started
    for worker in started:
        worker.terminate()
        worker.wait(60)


def health(service: Service) -> tuple[int, str, int]:
    answer = service.client.get("/health")
    told = answer.json()
    return answer.status_code, told["status"], told["workers"]


def banner(service: Service) -> bool:
    """It stands in a part of its own: what else changes on the page does not say it again."""
    page = parsed(service.client.get("/", headers=HTML))
    said = page.texts("[role=alert]")
    assert page.texts("#worker[data-live] > [role=alert]") == said
    return any("No worker is running" in words for words in said)


def test_a_server_without_work_needs_no_worker(service: Service) -> None:
    assert health(service) == (200, "healthy", 0)
    assert not banner(service)


def test_work_that_waits_without_a_worker_is_told_until_there_is_one(
    service: Service, place: Path, workers: list[Forked]
) -> None:
    report = service.trigger()
    assert health(service) == (200, "healthy", 0)  # one may be about to start
    wait_for(lambda: health(service) == (503, "no worker", 0), 30)
    assert banner(service)
    workers.append(start_worker(place))
    wait_for(lambda: health(service) == (200, "healthy", 1), 30)
    assert not banner(service)
    assert service.wait_report(report).status_code == 200


def test_a_worker_on_another_machine_cannot_take_this_machine_s_file(
    service: Service, place: Path, workers: list[Forked]
) -> None:
    workers.append(start_worker(place, OPENHOURS_DATA_DIR=str(place / "other")))
    answer = service.client.post("/ingest/status", content=STATUS)
    assert service.wait_report(service.trigger()).status_code == 200
    wait_for(lambda: health(service) == (503, "no worker", 1), 30)
    workers.append(start_worker(place))
    assert service.wait_ingestion(answer.json()["ingestion_id"])["state"] == "complete"
    wait_for(lambda: health(service) == (200, "healthy", 2), 30)


def test_a_job_whose_worker_was_killed_waits_for_one(
    service: Service, place: Path, workers: list[Forked]
) -> None:
    lines = [
        f"{store},2023-01-22 12:{second // 60:02}:{second % 60:02} UTC,active"
        for store in range(500)
        for second in range(3000)
    ]
    body = "\n".join(["store_id,timestamp_utc,status", *lines]).encode()
    answer = service.client.post("/ingest/status", content=body)
    place_of = f"/ingestions/{answer.json()['ingestion_id']}"
    worker = start_worker(place)
    wait_for(lambda: service.client.get(place_of).json()["state"] == "running", 30)
    worker.kill()
    worker.wait(60)
    assert service.client.get(place_of).json()["state"] == "running"
    wait_for(lambda: health(service) == (503, "no worker", 0), 30)
