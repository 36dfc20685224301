"""One axis for the instants of all stores."""

import numpy as np
import pytest

from openhours.uptime.axis import Axis
from tests.uptime.columns import column
from tests.uptime.reference import DAY


def test_keys_sort_by_store_then_instant_and_give_both_back() -> None:
    axis = Axis(100, 200, 3)
    store, at = column([0, 0, 1, 1, 2]), column([100, 200, 100, 150, 200])
    keys = axis.keys(store, at)
    assert (np.diff(keys) > 0).all()
    assert [part.tolist() for part in axis.split(keys)] == [store.tolist(), at.tolist()]


def test_an_instant_beyond_the_axis_takes_the_key_of_its_end() -> None:
    axis = Axis(100, 200, 2)
    beyond = axis.keys(column([1, 1]), column([0, 999]))
    assert beyond.tolist() == axis.keys(column([1, 1]), column([100, 200])).tolist()


def test_too_many_stores_for_one_axis_are_refused() -> None:
    with pytest.raises(OverflowError):
        Axis(0, 14 * DAY, 10**8)
