"""What a report keeps of its inputs: where they are cut, and that they come back as they were."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.inputs import Inputs, pack, packed_bytes, plan_inputs, unpack
from openhours.reports.tables import Report
from openhours.stores.tables import BEATING, POLLED, SpecialHours
from openhours.times import from_days, from_us
from tests.helpers.database import on_engine
from tests.reports.database import new_report

# A Wednesday; the lookback begins on Wednesday, 2023-01-11.
AS_OF = datetime(2023, 1, 25, 18, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def values(**changes: object) -> dict[str, object]:
    report = new_report(**changes)
    return {
        column.name: getattr(report, column.name)
        for column in Report.__table__.columns
        if column.name != "id" and getattr(report, column.name, None) is not None
    }


def test_inputs_are_cut_on_mondays_and_behind_the_as_of_of_the_last_reports(
    database_url: str,
) -> None:
    def earlier(n: int, **changes: object) -> dict[str, object]:
        at = AS_OF - timedelta(hours=n)
        return values(report_id=f"r{n}", state="complete", as_of_polled=at, **changes)

    async def scenario(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            for row in (
                *(earlier(n) for n in (400, 7, 6, 5, 4, 3)),
                earlier(2) | {"state": "failed"},
                earlier(-1),
                *(
                    values(report_id=f"same {n}", state="complete", as_of_polled=AS_OF)
                    for n in range(4)
                ),
            ):
                await connection.execute(insert(Report).values(row))
            for day in ("2023-01-08", "2023-01-09", "2023-01-20", "2023-01-26", "2023-01-27"):
                date = datetime.fromisoformat(day).date()
                for store in (0, 7):
                    hours = {"store": store, "date": date, "opens": -1, "closes": -1}
                    await connection.execute(insert(SpecialHours).values(hours))
            report = new_report(as_of_polled=AS_OF, as_of_beating=AS_OF + timedelta(days=900))
            cuts = await plan_inputs(connection, report)
        assert [from_us(at) for at in cuts[POLLED]["edges"]] == [
            AS_OF - timedelta(days=14),
            datetime(2023, 1, 16, tzinfo=UTC),
            datetime(2023, 1, 23, tzinfo=UTC),
            *(AS_OF - timedelta(hours=n) + MOMENT for n in (6, 5, 4, 3)),
            AS_OF + MOMENT,
        ]
        assert [str(from_days(day)) for day in cuts[POLLED]["dates"]] == [
            "2023-01-09", "2023-01-20", "2023-01-26",
        ]  # fmt: skip
        assert cuts[BEATING]["dates"] == []

    on_engine(database_url, scenario)


def test_without_any_poll_there_are_no_cuts_of_polls(database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            assert list(await plan_inputs(connection, new_report())) == [BEATING]

    on_engine(database_url, scenario)


@given(
    seed=st.integers(0, 2**32),
    stores=st.integers(0, 5),
    stretches=st.integers(1, 4),
    dates=st.integers(0, 3),
    corrections=st.integers(0, 20),
)
def test_inputs_come_back_as_they_were(
    seed: int, stores: int, stretches: int, dates: int, corrections: int
) -> None:
    rng = np.random.default_rng(seed)
    report = new_report(corrections=[f"c{n}" for n in range(corrections)])
    # The other feed may need more room.
    report.inputs = {
        POLLED: {"edges": list(range(stretches + 1)), "dates": list(range(dates))},
        BEATING: {"edges": [0, 1, 2], "dates": [7]},
    }

    def words(*shape: int) -> np.ndarray:
        return rng.integers(0, 2**32, (stores, *shape), np.uint32)

    some = rng.permutation(corrections)[: corrections // 2]
    covered = rng.random((stores, len(some))) < 0.5
    inputs = Inputs(words(), words(), words(stretches), words(dates), covered)
    rows = pack(report, inputs, [f"c{n}" for n in some])
    assert rows.shape == (stores, packed_bytes(report))
    found = unpack(report, rows)
    assert found.hours.tolist() == inputs.hours.tolist()
    assert found.first_observed.tolist() == inputs.first_observed.tolist()
    assert found.observations[:, :stretches].tolist() == inputs.observations.tolist()
    assert found.special[:, :dates].tolist() == inputs.special.tolist()
    expected = np.zeros((stores, corrections), np.bool_)
    expected[:, some] = covered
    assert found.corrections.tolist() == expected.tolist()


@pytest.mark.parametrize("count", [0, 1, 8, 9])
def test_a_correction_is_a_bit(count: int) -> None:
    report = new_report(corrections=["c"] * count)
    report.inputs = {BEATING: {"edges": [0, 1], "dates": []}}
    assert packed_bytes(report) == 12 + -(-count // 8)
