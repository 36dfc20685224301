"""Files load as they are, and say what is probably wrong: to people, over HTTP and as typed."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from openhours.ingestion import misfits
from openhours.ingestion.advice import DefaultZone, find_advice
from openhours.stores.packs import pack_days
from openhours.stores.tables import POLLED
from tests.helpers.clients import running
from tests.helpers.html import get_page
from tests.ingestion.loader import Loader

pytestmark = pytest.mark.slow

HOURS = "store_id,day,start_time_local,end_time_local\n"
ZONES = "store_id,timezone_str\n"
MONDAY = datetime(2023, 1, 16, tzinfo=UTC)


def daily(store: str, opens: str, closes: str) -> str:
    return "".join(f"{store},{day},{opens},{closes}\n" for day in range(7))


def polls(stores: Mapping[str, int]) -> str:
    """A status file of a week, hour by hour: each store is active for 8 hours from an hour on."""
    rows = [
        f"{store},{MONDAY + timedelta(hours=n, minutes=30):%Y-%m-%d %H:%M:%S} UTC,"
        f"{'active' if (n - first) % 24 < 8 else 'inactive'}\n"
        for store, first in stores.items()
        for n in range(7 * 24)
    ]
    return "store_id,timestamp_utc,status\n" + "".join(rows)


def advice(loader: Loader) -> dict[str, dict[str, Any]]:
    """The advice of the file that was loaded last, by kind."""
    [row] = loader.fetch("SELECT advice FROM ingestions ORDER BY id DESC LIMIT 1")
    return {one["kind"]: one for one in json.loads(row["advice"])}


def stores(one: dict[str, Any]) -> list[str]:
    return [example["store_id"] for example in one["examples"]]


def test_right_files_say_nothing(loader: Loader) -> None:
    """Open 9 to 17 in Denver, 16 to 24 UTC; and in Berlin, 8 to 16 UTC."""
    for text in (
        HOURS + daily("west", "9:00", "17:00") + daily("east", "9:00", "17:00"),
        ZONES + "west,America/Denver\neast,Europe/Berlin\n",
        polls({"west": 16, "east": 8}),
        polls({"west": 16, "east": 8}),
        "store_id,date,start_time_local,end_time_local\n*,2023-01-17,,\n",
    ):
        loader.load(text)
        assert advice(loader) == {}


def test_rows_that_are_repeated_or_overlap_are_named_and_loaded(loader: Loader) -> None:
    text = HOURS + daily("a", "9:00", "12:00") + "a,2,9:00,12:00\nb,0,9:00,17:00\n"
    text += "b,0,16:00,23:59:59\nb,1,0:00,4:00\nc,6,22:00,3:00\nc,0,2:00,6:00\n"
    assert loader.load(text) == (13, 12, 1, 0)
    found = advice(loader)
    assert set(found) == {"repeated_rows", "overlapping_hours"}
    assert (found["repeated_rows"]["count"], stores(found["repeated_rows"])) == (1, ["a"])
    assert found["overlapping_hours"]["count"] == 2
    assert found["overlapping_hours"]["examples"] == [
        {"store_id": "b", "detail": "mon 09:00-17:00, mon 16:00-23:59:59"},
        {"store_id": "c", "detail": "mon 02:00-06:00, sun 22:00-03:00"},
    ]
    # A version is no overlap of another one.
    dated = HOURS.replace("\n", ",valid_from\n")
    loader.load(dated + "d,0,9:00,12:00,\nd,0,10:00,12:00,2024-01-01\n")
    assert advice(loader) == {}


def test_stores_without_hours_or_a_zone_are_named_where_others_have_them(loader: Loader) -> None:
    loader.load(polls({"a": 16, "b": 16, "c": 16}))
    assert advice(loader) == {}, "nobody has hours: all are always open"
    loader.load(HOURS + daily("a", "9:00", "17:00") + daily("b", "9:00", "17:00"))
    found = advice(loader)
    assert set(found) == {"no_hours", "no_timezone"}
    assert (found["no_hours"]["count"], stores(found["no_hours"])) == (1, ["c"])
    assert (found["no_timezone"]["count"], stores(found["no_timezone"])) == (2, ["a", "b"])
    assert "America/Chicago is taken" in found["no_timezone"]["message"]
    loader.load(ZONES + "a,America/Denver\nc,America/Denver\n")
    found = advice(loader)
    assert set(found) == {"no_hours", "no_timezone"}
    assert stores(found["no_timezone"]) == ["b"]
    # After polls it is about the stores in their file.
    loader.load(polls({"a": 16}))
    assert advice(loader) == {}
    loader.load(polls({"b": 16, "c": 16}))
    found = advice(loader)
    assert (stores(found["no_hours"]), stores(found["no_timezone"])) == (["c"], ["b"])
    # One that is loaded again, or has grown, names those of its old part, too.
    loader.load(polls({"b": 16, "c": 16}))
    assert set(advice(loader)) == {"no_hours", "no_timezone"}
    # A PC is none of them, and neither is a store without polls.
    loader.fetch(f"UPDATE stores SET feed = 'beating' WHERE store_id = 'b' AND feed = '{POLLED}'")
    loader.load(HOURS + daily("c", "9:00", "17:00") + daily("d", "9:00", "17:00"))
    assert advice(loader) == {}


def test_a_default_zone_that_is_set_is_meant(loader: Loader) -> None:
    loader.settings = loader.settings.model_copy(update={"default_timezone": "America/Denver"})
    loader.load(HOURS + daily("a", "9:00", "17:00") + daily("b", "9:00", "17:00"))
    loader.load(polls({"a": 16, "b": 16}))
    assert advice(loader) == {}
    loader.load(ZONES + "a,America/Denver\n")
    assert stores(advice(loader)["no_timezone"]) == ["b"]


@pytest.mark.parametrize("shift", [-9, -3, 4, 10])
def test_a_fleet_in_a_wrong_zone_is_named_with_the_hours_that_it_is_off(
    loader: Loader, shift: int
) -> None:
    names = [f"s{n:02}" for n in range(30)]
    loader.load(HOURS + "".join(daily(name, "9:00", "17:00") for name in names))
    loader.load(ZONES + "".join(f"{name},UTC\n" for name in names))
    # Of every three, two are right.
    loader.load(polls({name: 9 + (0 if n % 3 else shift) for n, name in enumerate(names)}))
    found = advice(loader)
    assert set(found) == {"other_timezone"}
    one = found["other_timezone"]
    assert one["message"].startswith("10 of 30 stores that were checked seem to be in another")
    assert (one["count"], stores(one)) == (10, names[::3])
    later = f"{abs(shift)} hours {'later' if shift > 0 else 'earlier'}"
    assert all(example["detail"].startswith("UTC: ") for example in one["examples"])
    assert all(example["detail"].endswith(later) for example in one["examples"])
    # The zones are set right: there is nothing to say.
    right = f"Etc/GMT{shift:+}"
    loader.load(ZONES + "".join(f"{name},{right}\n" for name in names[::3]))
    assert advice(loader) == {}


def test_only_so_many_stores_are_checked_others_each_time(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"s{n:02}" for n in range(20)]
    loader.load(HOURS + "".join(daily(name, "9:00", "17:00") for name in names))
    loader.load(ZONES + "".join(f"{name},UTC\n" for name in names))
    loader.load(polls(dict.fromkeys(names, 16)))
    monkeypatch.setattr(misfits, "MAX_STORES", 8)

    async def checked(turn: int) -> list[str]:
        connection = await asyncpg.connect(loader.url)
        async with connection.transaction():
            (one,) = await find_advice(connection, "timezones", DefaultZone("UTC", True), turn)
        await connection.close()
        assert one.count == len(one.examples) == 8
        return [example.store_id for example in one.examples]

    found = [asyncio.run(checked(turn)) for turn in range(30)]
    assert {store for some in found for store in some} == set(names)
    assert len({tuple(some) for some in found}) > 5


def test_polls_of_days_that_are_not_packed_yet_do_not_count(loader: Loader) -> None:
    loader.load(HOURS + daily("a", "9:00", "17:00"))
    loader.load(polls({"a": 16}))
    loader.fetch("UPDATE observation_days SET packed = false")
    loader.fetch("DELETE FROM observation_packs")
    loader.load(ZONES + "a,UTC\n")
    assert "other_timezone" not in advice(loader)
    pack_days(loader.url)
    loader.load(ZONES + "a,UTC\nb,UTC\n")
    assert stores(advice(loader)["other_timezone"]) == ["a"]


def test_twenty_examples_are_kept(loader: Loader) -> None:
    loader.load(HOURS + "".join(f"s{n:02},0,9:00,12:00\n" * 2 for n in range(25)))
    one = advice(loader)["repeated_rows"]
    assert (one["count"], stores(one)) == (25, [f"s{n:02}" for n in range(20)])


def test_advice_is_told_over_http_and_above_the_rejected_rows(loader: Loader) -> None:
    script = "<script>alert(1)</script>"
    loader.load(HOURS + f"{script},0,9:00,12:00\n" * 2 + "b,9,9:00,12:00\n")
    found = advice(loader)["repeated_rows"]
    [row] = loader.fetch("SELECT ingestion_id FROM ingestions")
    with running(loader.settings) as client:
        path = f"/ingestions/{row['ingestion_id']}"
        assert client.get(path).json()["advice"] == 1
        assert client.get(f"{path}/advice").json() == [found]
        assert client.get("/ingestions/nothing/advice").status_code == 404
        page = get_page(client, f"/files/{row['ingestion_id']}")
        assert page.text("#advice p") == found["message"]
        assert page.text("#advice li") == script
        assert page.texts("main section h2") == ["Advice", "1 row rejected"]
        loader.load(HOURS + "b,0,9:00,12:00\n")
        [row] = loader.fetch("SELECT ingestion_id FROM ingestions ORDER BY id DESC LIMIT 1")
        assert client.get(f"/ingestions/{row['ingestion_id']}/advice").json() == []
        assert get_page(client, f"/files/{row['ingestion_id']}").all("#advice") == []


def test_stores_without_hours_are_found_in_a_fleet_that_no_memory_holds(loader: Loader) -> None:
    """A store that is compared with the hours of each other one would take minutes."""

    async def ask() -> list[Any]:
        connection = await asyncpg.connect(loader.url)
        try:
            await connection.execute(
                """
                INSERT INTO stores (store_id, feed) SELECT n, 'polled'
                FROM generate_series(1, 60000) n;
                INSERT INTO business_hours (store, day, opens, closes)
                SELECT id, day, 0, 1 FROM stores, generate_series(0, 3) day
                WHERE store_id <> '4711';
                ANALYZE stores, business_hours;
                SET work_mem = '64kB'; SET statement_timeout = '20s';
                """
            )
            zone = DefaultZone("UTC", is_set=True)
            async with connection.transaction():
                return await find_advice(connection, "timezones", zone, 0)
        finally:
            await connection.close()

    [found] = asyncio.run(ask())
    assert (found.kind, [one.store_id for one in found.examples]) == ("no_hours", ["4711"])
