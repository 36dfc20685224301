"""Two servers, 64 connections, one server killed in the middle: nothing acknowledged is lost."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tools.service import Service

from tests.helpers.load_client import Traffic

pytestmark = pytest.mark.slow

VISITS = 10_000
CONNECTIONS = 64


@pytest.mark.usefixtures("settings")
def test_acknowledged_visits_survive_kill_9(place: Path, database_url: str) -> None:
    with Service(place, OPENHOURS_WORKER="0") as one, Service(place, OPENHOURS_WORKER="0") as two:

        def kill_in_the_middle(answered: int) -> None:
            if answered == VISITS // 2:
                two.kill()

        bodies = ({"user_id": str(n), "page_url": f"/{n % 7}"} for n in range(VISITS))
        traffic = Traffic("/visit", bodies, [one.port, two.port], kill_in_the_middle)
        exchanges = traffic.run(CONNECTIONS)
        total = one.client.get("/stats").json()["total_visits"]

    acknowledged = {}
    for exchange in exchanges:
        if exchange.status is not None:
            assert exchange.status == 200
            assert exchange.answer is not None
            acknowledged[exchange.body["user_id"]] = exchange.answer["visit_count"]
    unanswered = {exchange.body["user_id"] for exchange in exchanges} - set(acknowledged)
    stored = {row["user_id"]: row["number"] for row in asyncio.run(_stored(database_url))}

    assert len(exchanges) == VISITS
    assert 0 < len(unanswered) <= CONNECTIONS
    assert sorted(stored.values()) == list(range(1, total + 1))  # contiguous, none twice
    assert acknowledged.items() <= stored.items()
    assert stored.keys() - acknowledged.keys() <= unanswered
    _assert_increasing_for_everyone(traffic)


def _assert_increasing_for_everyone(traffic: Traffic) -> None:
    """Whoever sends after any answer gets a higher number than that answer told."""
    events = []
    for exchange in traffic.exchanges:
        if exchange.answer is not None and exchange.ended is not None:
            number = exchange.answer["visit_count"]
            events += [(exchange.begun, False, number), (exchange.ended, True, number)]
    highest = 0
    for _, ended, number in sorted(events):
        if ended:
            highest = max(highest, number)
        else:
            assert number > highest


async def _stored(database_url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT user_id, number FROM visits")
    await connection.close()
    return list(rows)
