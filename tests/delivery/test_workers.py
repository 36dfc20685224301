"""Deliveries by real workers: each event arrives, whatever happens to whoever sends it."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tools.zygote import Forked

from openhours.settings import Settings
from tests.delivery.events import complete_a_report, fail_a_report, fail_an_ingestion
from tests.helpers.command import start_worker as forked_worker
from tests.helpers.database import fetch, on_engine
from tests.helpers.waiting import wait_for
from tests.helpers.webhook_receiver import SECRET, Answer, Received, Receiver

pytestmark = pytest.mark.slow


# No report is due while this test runs, but one was missed.
YEARLY = "0 0 1 1 *"
MISSED = f"INSERT INTO report_schedule (cron, made_until) VALUES ('{YEARLY}', '2001-01-01')"


@pytest.fixture
def workers(settings: Settings, database_url: str, receiver: Receiver) -> Iterator[list[Forked]]:
    """Two workers."""
    fetch(database_url, MISSED)
    running = [start_worker(settings, receiver) for _ in range(2)]
    yield running
    for worker in running:
        kill(worker)


def start_worker(settings: Settings, receiver: Receiver) -> Forked:
    folder = settings.data_dir.parent
    return forked_worker(
        folder,
        OPENHOURS_WEBHOOK_URL=receiver.url,
        OPENHOURS_WEBHOOK_SECRET=SECRET,
        OPENHOURS_OUTBOX=str(folder / "outbox"),
        OPENHOURS_REPORT_CRON=YEARLY,
    )


def kill(worker: Forked) -> None:
    worker.kill()
    worker.wait(20)


def test_two_workers_send_each_event_once_and_one_takes_over_what_the_other_was_killed_at(
    settings: Settings, database_url: str, receiver: Receiver, workers: list[Forked]
) -> None:

    async def twenty_one_ends(engine: AsyncEngine) -> None:
        await complete_a_report(engine, settings)
        for _ in range(20):
            await fail_an_ingestion(engine, settings)

    on_engine(database_url, twenty_one_ends)
    not_sent = "SELECT FROM deliveries WHERE state <> 'delivered'"
    wait_for(lambda: len(receiver.received) >= 22 and not fetch(database_url, not_sent), 60)
    assert sorted(Counter(receiver.ids()).values()) == [1] * 22
    # The missed one, and that of this test.
    outbox = settings.data_dir.parent / "outbox"
    assert len([*outbox.glob("report-*.csv")]) == len([*outbox.iterdir()]) == 2

    # The receiver has it, but says nothing before both workers are gone.
    hangs, go_on = threading.Event(), threading.Event()

    def hang(_: Received) -> Answer:
        hangs.set()
        go_on.wait(60)
        return Answer()

    receiver.answer = hang
    on_engine(database_url, lambda engine: fail_a_report(engine, settings))
    assert hangs.wait(60)
    for worker in workers:
        kill(worker)
    go_on.set()
    [(tries,)] = fetch(database_url, "SELECT tries FROM deliveries WHERE event = 'report.failed'")
    assert tries == 1
    workers.append(start_worker(settings, receiver))
    fetch(database_url, "UPDATE deliveries SET next_at = now() WHERE state = 'waiting'")
    wait_for(lambda: not fetch(database_url, not_sent), 60)
    story = [(one.webhook_id, one.content) for one in receiver.received[22:]]
    assert len(story) == 2, story
    assert story[0] == story[1], "a receiver that knows the id sees it once"
    assert len(set(receiver.ids())) == 23
    assert receiver.refused == []
