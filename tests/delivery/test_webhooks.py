"""Webhooks by Standard Webhooks, against a receiver that checks them by itself."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.delivery import webhooks
from openhours.delivery.metrics import read_metrics
from openhours.delivery.tries import FIRST_PAUSE
from openhours.settings import Settings
from tests.delivery.events import (
    Outbox,
    complete_a_report,
    fail_a_report,
    fail_an_ingestion,
    sending,
    told_at,
)
from tests.helpers.database import on_engine
from tests.helpers.receiver_process import ReceiverProcess
from tests.helpers.waiting import until
from tests.helpers.webhook_receiver import Answer, Receiver


def test_the_end_of_a_report_or_ingestion_is_told_once_and_signed(
    settings: Settings, database_url: str, receiver: Receiver
) -> None:
    told = told_at(settings, receiver.url, public_url="https://hours.example.org")

    async def scenario(engine: AsyncEngine) -> None:
        async with sending(engine, told):
            report_id = await complete_a_report(engine, settings)
            failed = await fail_a_report(engine, settings)
            ingestion_id = await fail_an_ingestion(engine, settings)
            await until(lambda: len(receiver.received) == 3)
            by_type = {one.content["type"]: one.content for one in receiver.received}
            complete = by_type["report.complete"]["data"]
            assert complete["report_id"] == report_id
            assert complete["status"] == "Complete"
            assert complete["url"] == f"https://hours.example.org/get_report/{report_id}"
            assert complete["polled"]["as_of"] == "2023-01-20T12:30:00.000000Z"
            assert by_type["report.failed"]["data"]["report_id"] == failed
            assert by_type["report.failed"]["data"]["error"] == "for a test"
            refused = by_type["ingestion.failed"]["data"]
            assert (refused["ingestion_id"], refused["name"]) == (ingestion_id, "nowhere.csv")
            assert refused["state"] == "failed"
        assert len(set(receiver.ids())) == 3
        assert receiver.refused == []

    on_engine(database_url, scenario)


@pytest.mark.slow
def test_a_receiver_that_fails_five_times_gets_it_the_sixth_time_under_the_same_id(
    settings: Settings, database_url: str, receiver: Receiver
) -> None:
    assert timedelta(seconds=5) == FIRST_PAUSE  # in these tests, minutes

    def answer(_: object) -> Answer:
        return Answer(503, body=b"not yet\n") if len(receiver.received) <= 5 else Answer()

    receiver.answer = answer

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, told_at(settings, receiver.url)):
            await fail_a_report(engine, settings)
            for tries in range(1, 6):
                noted = await outbox.wait_failed(tries)
                pause = timedelta(minutes=5) * 2 ** (tries - 1)
                assert pause <= noted["next_at"] - noted["tried_at"] < 2 * pause
                assert noted["last_error"] == "HTTP 503: not yet"
                await outbox.make_due()
            done = await outbox.wait("webhook", "state = 'delivered'")
        assert (done["tries"], done["next_at"], len(receiver.received)) == (6, None, 6)
        assert done["last_error"] == "HTTP 503: not yet", "the last error stays"
        assert done["destination"] == f"http://127.0.0.1:{receiver.port}", "nothing secret"
        assert set(receiver.ids()) == {done["delivery_id"]}

    on_engine(database_url, scenario)


@pytest.mark.parametrize(
    ("answer", "error", "state"),
    [
        (
            Answer(302, {"location": "/elsewhere"}),
            "HTTP 302: redirects are not followed",
            "waiting",
        ),
        (Answer(500, body=b"x" * 100_000), f"HTTP 500: {'x' * 200}", "waiting"),
        (Answer(400, body=b"no\0t \xff\x1b[31m"), r"HTTP 400: no\x00t �\x1b[31m", "waiting"),
        (Answer(410), "HTTP 410", "failed"),
    ],
    ids=["redirect", "much", "binary", "gone"],
)
def test_what_a_receiver_says_against_it_is_noted(
    settings: Settings,
    database_url: str,
    receiver: Receiver,
    answer: Answer,
    error: str,
    state: str,
) -> None:
    receiver.answer = lambda _: answer

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, told_at(settings, receiver.url)):
            await fail_a_report(engine, settings)
            noted = await outbox.wait("webhook", "last_error IS NOT NULL")
        assert (noted["last_error"], noted["state"]) == (error, state)
        assert receiver.refused == [], "nothing was asked elsewhere"

    on_engine(database_url, scenario)


@pytest.mark.slow
def test_a_receiver_that_drips_is_left_at_the_limit_of_the_whole_request(
    settings: Settings,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "_TIMEOUT", 0.3)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\n")
        for number in range(1000):
            writer.write(b"x-%d: y\r\n" % number)
            await asyncio.sleep(0.05)

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with sending(engine, told_at(settings, f"http://127.0.0.1:{port}/")):
            await fail_a_report(engine, settings)
            noted = await outbox.wait("webhook", "last_error IS NOT NULL")
        assert noted["last_error"] == "no answer within 0.3 seconds"
        server.close()

    on_engine(database_url, scenario)


def test_nobody_there_is_an_error_that_names_no_secret(
    settings: Settings,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        url = "http://ann:s3cret@127.0.0.1:1/s3cret?token=s3cret"
        async with sending(engine, told_at(settings, url)):
            await fail_a_report(engine, settings)
            noted = await outbox.wait("webhook", "last_error IS NOT NULL")
        assert noted["last_error"] == "not reached: All connection attempts failed"
        assert noted["destination"] == "http://127.0.0.1:1"

    on_engine(database_url, scenario)
    assert "report.failed to http://127.0.0.1:1: not reached" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.slow
def test_after_a_day_of_tries_it_is_given_up(
    settings: Settings, database_url: str, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(500)

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, told_at(settings, receiver.url)):
            await fail_a_report(engine, settings)
            await outbox.wait("webhook", "tries = 1 AND last_error IS NOT NULL")
            # The sixteenth try: three hours later it is still less than a day.
            await outbox.run(
                "UPDATE deliveries SET tries = 15, next_at = now(), last_error = NULL,"
                " first_tried_at = now() - interval '20 hours' WHERE channel = 'webhook'"
            )
            noted = await outbox.wait("webhook", "last_error IS NOT NULL")
            assert noted["state"] == "waiting"
            assert timedelta(0) <= noted["next_at"] - noted["tried_at"] - timedelta(hours=3)
            await outbox.run(
                "UPDATE deliveries SET next_at = now(),"
                " first_tried_at = now() - interval '22 hours' WHERE channel = 'webhook'"
            )
            await outbox.wait("webhook", "state = 'failed'")

    on_engine(database_url, scenario)


def test_without_a_webhook_nothing_waits_for_one(
    settings: Settings, database_url: str, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(500)

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, told_at(settings, receiver.url)):
            await fail_a_report(engine, settings)
            await outbox.wait("webhook", "last_error IS NOT NULL")
        await outbox.make_due()
        async with sending(engine, settings):
            await complete_a_report(engine, settings)
            noted = await outbox.wait("webhook", "state = 'failed'")
            assert noted["last_error"] == "it cannot be sent: OPENHOURS_WEBHOOK_URL is not set"
            await outbox.wait("webhook", "(SELECT count(*) FROM deliveries) = 1")

    on_engine(database_url, scenario)


def test_what_nobody_thought_of_is_noted_without_the_address(
    settings: Settings,
    database_url: str,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> str:
        raise ValueError(receiver.url)

    monkeypatch.setattr(webhooks, "sign", fail)

    async def scenario(engine: AsyncEngine) -> None:
        async with sending(engine, told_at(settings, receiver.url)):
            await fail_a_report(engine, settings)
            noted = await Outbox(engine).wait("webhook", "last_error IS NOT NULL")
        assert noted["last_error"] == "unexpected ValueError: see the log of the worker"
        assert noted["state"] == "waiting"

    on_engine(database_url, scenario)


@pytest.mark.slow
def test_a_receiver_that_fails_five_times_and_is_killed_once_deals_with_it_once(
    settings: Settings, database_url: str, place: Path
) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, told_at(settings, receiver.url)):
            await fail_a_report(engine, settings)
            for tries in range(1, 6):
                await outbox.wait_failed(tries)
                await outbox.make_due()
            await until(lambda: len(receiver.lines) == 6)
            receiver.kill()
            assert "HTTP" not in (await outbox.wait_failed(6))["last_error"]
            receiver.start()
            await outbox.make_due()
            done = await outbox.wait("webhook", "state = 'delivered'")
        names = ["refused"] * 5 + ["dealt", "known"]
        assert receiver.lines == [f"{name} {done['delivery_id']}" for name in names]
        async with engine.connect() as connection:
            metrics = await read_metrics(connection)
        counted = {tuple(one.labels.values()): one.value for of in metrics for one in of.samples}
        assert {labels: value for labels, value in counted.items() if value} == {
            ("webhook", "failed"): 6,
            ("webhook", "delivered"): 1,
        }

    with ReceiverProcess(place) as receiver:
        on_engine(database_url, scenario)
