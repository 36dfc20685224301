"""Polls by day: every row comes back, sorted, and of one store and instant the later line wins."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhours.ingestion.day_files import DayFiles
from openhours.times import DAY

ROW = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([0, 1, DAY - 1, DAY, DAY + 5, 20_000 * DAY]),
    st.booleans(),
)


@pytest.mark.slow
@given(blocks=st.lists(st.lists(ROW, max_size=12), max_size=4))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_day_has_the_last_row_of_each_store_and_instant(
    tmp_path: Path, blocks: list[list[tuple[str, int, bool]]]
) -> None:
    days = DayFiles(tmp_path)
    for block in blocks:
        ids = sorted({store for store, _, _ in block}, reverse=True)
        days.add(
            pa.array(ids, pa.string()),
            np.array([ids.index(store) for store, _, _ in block], np.int32),
            np.array([at for _, at, _ in block], np.int64),
            np.array([active for _, _, active in block], np.bool_),
        )
    expected = {(store, at): active for block in blocks for store, at, active in block}
    assert days.days == sorted({at // DAY for _, at in expected})
    found = {}
    for day in days.days:
        rows = days.take(day)
        keys = list(zip(rows.code.tolist(), rows.observed_at.tolist(), strict=True))
        assert keys == sorted(set(keys))
        for (code, at), active in zip(keys, rows.active.tolist(), strict=True):
            assert at // DAY == day
            found[days.store_ids[code], at] = active
    assert found == expected
    assert list(tmp_path.iterdir()) == []


def test_more_stores_than_a_row_can_number_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openhours.ingestion.day_files._MAX_STORES", 2)
    days = DayFiles(tmp_path)
    with pytest.raises(Exception, match="more than 2 stores in one file: split it"):
        days.add(
            pa.array(["a", "b", "c"]), np.arange(3), np.zeros(3, np.int64), np.ones(3, np.bool_)
        )
