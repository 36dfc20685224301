"""`/deliveries`, sending again, and what `/reports` and `/ingestions` say of deliveries."""

import asyncio
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.retention import prune_reports
from openhours.settings import Settings
from tests.delivery.events import (
    Outbox,
    complete_a_report,
    fail_a_report,
    fail_an_ingestion,
    sending,
    told_at,
)
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.database import fetch, on_engine
from tests.helpers.waiting import until
from tests.helpers.webhook_receiver import Answer, Receiver


@pytest.mark.slow
def test_reports_and_ingestions_say_what_was_delivered_of_them(
    settings: Settings, database_url: str, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(503)

    async def scenario(engine: AsyncEngine) -> tuple[str, str]:
        async with sending(engine, told_at(settings, receiver.url)):
            report_id = await fail_a_report(engine, settings)
            outbox = Outbox(engine)
            await outbox.wait("webhook", "last_error IS NOT NULL")
            receiver.answer = lambda _: Answer()
            ingestion_id = await fail_an_ingestion(engine, settings)
            await outbox.wait("webhook", "state = 'delivered'")
        return report_id, ingestion_id

    report_id, ingestion_id = on_engine(database_url, scenario)
    with running(settings) as client:
        [listed] = client.get("/reports").json()
        [waiting] = listed["deliveries"]
        assert (waiting["channel"], waiting["event"]) == ("webhook", "report.failed")
        assert (waiting["state"], waiting["tries"]) == ("waiting", 1)
        assert waiting["last_error"] == "HTTP 503"
        assert waiting["delivered_at"] is None
        assert waiting["next_try_at"] > waiting["tried_at"]
        one = client.get(f"/reports/{report_id}").json()
        assert one["deliveries"] == [waiting]

        [listed] = client.get("/ingestions").json()
        [delivered] = listed["deliveries"]
        assert (delivered["state"], delivered["last_error"]) == ("delivered", None)
        assert delivered["destination"] == f"http://127.0.0.1:{receiver.port}"
        assert delivered["delivered_at"] >= delivered["tried_at"]
        assert client.get(f"/ingestions/{ingestion_id}").json() == listed

        all_of_them = client.get("/deliveries").json()
        about = [(row.pop("report_id"), row.pop("ingestion_id")) for row in all_of_them]
        assert about == [(None, ingestion_id), (report_id, None)], "the newest first"
        assert all_of_them == [delivered, waiting]


@pytest.mark.slow
def test_a_download_is_the_same_before_and_after_its_delivery(
    settings: Settings, database_url: str, receiver: Receiver
) -> None:
    report_id = on_engine(database_url, lambda engine: complete_a_report(engine, settings))

    async def deliver(engine: AsyncEngine) -> None:
        async with sending(engine, told_at(settings, receiver.url)):
            await Outbox(engine).wait("webhook", "state = 'delivered'")

    path = f"/get_report/{report_id}?format=json"
    with running(settings) as client:
        before = client.get(path)
        assert before.json()["deliveries"] is None
    on_engine(database_url, deliver)
    with running(settings) as client:
        assert client.get(path).content == before.content


@pytest.mark.slow
def test_what_is_sent_again_arrives_under_the_same_id(
    settings: Settings, database_url: str, receiver: Receiver, audit_lines: list[str]
) -> None:
    reader, loader = make_keys(settings, [["report"], ["ingest"]])
    receiver.answer = lambda _: Answer(410)

    def received(times: int) -> bool:
        return len(receiver.received) == times

    with running(settings) as client:

        async def scenario(engine: AsyncEngine) -> None:
            outbox = Outbox(engine)
            async with sending(engine, told_at(settings, receiver.url)):
                await fail_a_report(engine, settings)
                refused = await outbox.wait("webhook", "state = 'failed'")
                receiver.answer = lambda _: Answer()
                path = f"/deliveries/{refused['delivery_id']}/resend"
                for times in (2, 3):
                    answer = await asyncio.to_thread(client.post, path, headers=bearer(reader))
                    assert answer.status_code == 202
                    await until(partial(received, times))
                    done = await outbox.wait("webhook", "state = 'delivered'")
                    assert done["tries"] == 1, "a day of tries begins"
            assert len(set(receiver.ids())) == 1

        on_engine(database_url, scenario)
        [(delivery_id,)] = fetch(database_url, "SELECT delivery_id FROM deliveries")
        path = f"/deliveries/{delivery_id}/resend"
        assert client.post(path, headers=bearer(loader)).status_code == 403
        assert client.post("/deliveries/nothing/resend", headers=bearer(reader)).status_code == 404
    line = f'send delivery {delivery_id} again who="report" from="127.0.0.1" outcome="ok"'
    assert audit_lines.count(line) == 2


def test_pages_of_the_list_follow_each_other(settings: Settings, database_url: str) -> None:
    async def fail_three(engine: AsyncEngine) -> list[str]:
        return [await fail_an_ingestion(engine, settings) for _ in range(3)]

    ids = on_engine(database_url, fail_three)
    with running(settings) as client:
        first = client.get("/deliveries?limit=2")
        assert [row["ingestion_id"] for row in first.json()] == [ids[2], ids[1]]
        [rest] = client.get(first.links["next"]["url"]).json()
        assert rest["ingestion_id"] == ids[0]


def test_a_delivery_goes_with_its_report(settings: Settings, database_url: str) -> None:
    async def three_ends(engine: AsyncEngine) -> None:
        for _ in range(3):
            await complete_a_report(engine, settings)

    on_engine(database_url, three_ends)
    count = "SELECT count(*) FROM deliveries"
    assert fetch(database_url, count) == [(6,)], "to the webhook and the outbox"
    few = settings.model_copy(update={"keep_reports": 2})
    on_engine(database_url, lambda engine: prune_reports(engine, few))
    assert fetch(database_url, count) == [(4,)]
    with running(settings) as client:
        report_id = client.get("/reports").json()[0]["report_id"]
        assert client.delete(f"/reports/{report_id}").status_code == 204
    assert fetch(database_url, count) == [(2,)]
