"""What a report reads of corrections: which there are, in what order, and of which stores."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
import pytest

from openhours.db.engine import make_engine
from openhours.errors import NotFound
from openhours.settings import Settings
from openhours.stores.corrections import make_correction, revoke_correction
from openhours.stores.queries import StoredCorrection, covers, read_corrections
from openhours.stores.schemas import NewCorrection
from openhours.times import HOUR, to_us
from tests.stores.database import add_stores

NOON = datetime(2022, 10, 7, 12, tzinfo=UTC)
STORES: dict[str, dict[str, str]] = {
    "a": {"region": "west", "brand": "x"},
    "b": {"region": "east", "brand": "x"},
    "c": {"region": "west", "brand": "y"},
    "d": {"region": 'it\'s \\ {"w"}'},
    "e": {},
}


def new(hours: tuple[float, float] = (0, 1), **which: Any) -> NewCorrection:
    """A correction of so many hours after noon; of all stores unless said."""
    begins, ends = (NOON + timedelta(hours=hour) for hour in hours)
    why = {"treat_as": "down", "category": "other", "reason": "because"}
    return NewCorrection.model_validate(
        {"from": begins, "to": ends, **why, **(which or {"all": True})}
    )


def make(settings: Settings, *corrections: NewCorrection, revoked: int | None = None) -> list[str]:
    """Make corrections one after the other; return their ids."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()

    async def run() -> list[str]:
        engine = make_engine(url)
        made = [
            (await make_correction(engine, one, who="ann\n", where="192.0.2.1")).correction_id
            for one in corrections
        ]
        if revoked is not None:
            await revoke_correction(engine, made[revoked], who="bob", where="192.0.2.2")
            await revoke_correction(engine, made[revoked], who="eve", where="192.0.2.3")
            with pytest.raises(NotFound):
                await revoke_correction(engine, "nothing", who="bob", where="")
        await engine.dispose()
        return made

    return asyncio.run(run())


def read(
    settings: Settings, hours: tuple[float, float] = (0, 1), store_pks: list[int] | None = None
) -> tuple[list[StoredCorrection], list[list[bool]]]:
    """What a report of these hours after noon reads, and which stores each is of."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    since, until = (to_us(NOON) + int(hour * HOUR) for hour in hours)

    async def run() -> tuple[list[StoredCorrection], list[list[bool]]]:
        connection = await asyncpg.connect(url)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await read_corrections(connection, since, until)
            pks = np.array(store_pks or [1, 2, 3, 4, 5], np.int64)
            covered = await covers(connection, found, pks)
        await connection.close()
        assert covered.shape == (len(found), len(pks))
        return found, covered.tolist()

    return asyncio.run(run())


def test_those_of_any_part_of_the_stretch_are_read_in_the_order_made(settings: Settings) -> None:
    stretches = [(3, 4), (-1, 0.5), (-1, 0), (1, 2), (0, 1), (-9, 9), (0.2, 0.3)]
    made = make(settings, *(new(stretch) for stretch in stretches))
    found, covered = read(settings)
    assert [made.index(one.correction_id) for one in found] == [1, 4, 5, 6]
    assert [one.id for one in found] == sorted(one.id for one in found)
    assert (found[0].start, found[0].end) == (to_us(NOON) - HOUR, to_us(NOON) + HOUR // 2)
    assert found[0].treat_as == "down"
    assert covered == [[True] * 5] * 4


def test_a_revoked_one_is_not_read(settings: Settings) -> None:
    made = make(settings, new(), new(), new(), revoked=1)
    found, _ = read(settings)
    assert [one.correction_id for one in found] == [made[0], made[2]]


def test_without_corrections_there_is_nothing_to_cover(settings: Settings) -> None:
    assert read(settings) == ([], [])


WHICH: list[tuple[dict[str, Any], str]] = [
    ({"all": True}, "abcde"),
    ({"store_ids": ["c", "a"]}, "ac"),
    ({"labels": {"region": ["west"]}}, "ac"),
    ({"labels": {"region": ["west", "east"]}}, "abc"),
    ({"labels": {"region": ["west", "east"], "brand": ["x"]}}, "ab"),
    ({"labels": {"region": ["east"], "brand": ["y"]}}, ""),
    ({"labels": {"region": ['it\'s \\ {"w"}']}}, "d"),
]


def test_stores_are_found_by_ids_labels_or_all(settings: Settings) -> None:
    add_stores(settings, STORES)
    make(settings, *(new(**which) for which, _ in WHICH))
    _, covered = read(settings)
    assert ["".join(np.array(list("abcde"))[row]) for row in covered] == [of for _, of in WHICH]
    # In any order, without some, and with a store that nobody has heard of.
    _, covered = read(settings, store_pks=[4, 99, 3, 1])
    assert ["".join(np.array(list("d?ca"))[row]) for row in covered] == [
        "d?ca", "ca", "ca", "ca", "a", "", "d",
    ]  # fmt: skip


def test_a_label_s_stores_are_those_that_have_it_when_the_report_reads(settings: Settings) -> None:
    add_stores(settings, STORES)
    make(settings, new(labels={"region": ["west"]}))
    add_stores(settings, {"f": {"region": "west"}})
    _, covered = read(settings, store_pks=[1, 6])
    assert covered == [[True, True]]


@pytest.mark.slow
def test_a_fleet_is_covered_at_once(settings: Settings) -> None:
    add_stores(settings, {"first": {"brand": "none"}})
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()

    async def fill() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "INSERT INTO stores (store_id) SELECT 's' || n FROM generate_series(2, 20000) n"
        )
        await connection.execute(
            "INSERT INTO labels SELECT id, 'region', 'r' || id % 7 FROM stores"
        )
        await connection.close()

    asyncio.run(fill())
    make(settings, *(new(labels={"region": [f"r{n}", f"r{n + 1}"]}) for n in range(6)))
    pks = np.arange(20_000, 0, -1)
    _, covered = read(settings, store_pks=pks.tolist())
    for n, row in enumerate(covered):
        assert np.array_equal(row, np.isin(pks % 7, (n, n + 1)))


def test_each_correction_made_and_revoked_has_a_line(
    settings: Settings, audit_lines: list[str]
) -> None:
    add_stores(settings, STORES)
    one = new(labels={"region": ["west", "east"], "brand": ["x"]})
    made = make(settings, one, new(store_ids=["a", "b"]), new(store_ids=["a"]), revoked=0)
    stretch = "down, 2022-10-07T12:00:00.000000Z to 2022-10-07T13:00:00.000000Z"
    assert audit_lines == [
        rf'correction made who="ann\n" from="192.0.2.1" outcome="{made[n]}: '
        f'{stretch}, {whose}: other, because"'
        for n, whose in enumerate(["brand: x, region: west or east", "stores a, b", "store a"])
    ] + [
        f'correction revoked who="bob" from="192.0.2.2" outcome="{made[0]}"',
        f'correction revoked who="eve" from="192.0.2.3" outcome="{made[0]}: was revoked before"',
    ]
