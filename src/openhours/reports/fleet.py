"""The fleet's prior: how fast stores go down and come up, whatever their own polls say.

It comes from the same stores whatever stores a report is asked for, so that a store has the same
interval in every report of the same T, windows and snapshot.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.reports.columns import Columns
from openhours.reports.executors import Executor
from openhours.reports.filling import counted_polls, open_hours, read_columns
from openhours.reports.slices import Slice
from openhours.stores.tables import POLLED, Store
from openhours.times import from_us
from openhours.uptime.axis import Bool, Float64, Int64
from openhours.uptime.fill import Observations
from openhours.uptime.hours import Intervals
from openhours.uptime.intervals.rates import fit_prior, likelihoods_of
from openhours.uptime.intervals.reliability import BINS, HeldOut, hold_out, reliability

# The stores that are lowest by SHA-256 of their ids: as good as drawn, and always the same.
_STORES = 10_000
# Of so many of them polls are held out, to see whether what the model says comes true.
_HELD_OUT = 500
_STORES_A_SAMPLE = 5_000
# Of no more stores what their polls say, a kilobyte each, is kept until the prior is fitted. Where
# there are more, the chosen ones are few among them, and are read apart.
_MAX_STORES_KEPT = 20_000


@dataclass(frozen=True)
class Chosen:
    """The stores that the prior is fitted to, ascending, and those whose polls are held out."""

    stores: Sequence[int]
    held_out: Collection[int]

    def of(self, part: Slice) -> "Chosen":
        """Return those of a slice that has all stores from its first to its last."""
        begin, end = bisect_left(self.stores, part.first), bisect_right(self.stores, part.last)
        some = self.stores[begin:end]
        return Chosen(some, [store for store in some if store in self.held_out])


@dataclass(frozen=True)
class Sample:
    """Stores that the prior is fitted to, in a snapshot."""

    slice: Slice
    snapshot: str
    chosen: Chosen


@dataclass(frozen=True)
class Sampled:
    """The likelihoods (n, POINTS) of stores, and polls held out of some."""

    likelihoods: NDArray[np.float32]
    held_out: HeldOut


async def choose(connection: AsyncConnection, as_of: int) -> tuple[Chosen, bool]:
    """Return the stores that the prior as of T is fitted to, and whether there are few stores.

    In the snapshot of the connection's transaction.
    """
    every = (Store.feed == POLLED, Store.first_observed_at <= from_us(as_of))
    digest = func.sha256(func.convert_to(Store.store_id, "UTF8"))
    query = select(Store.id).where(*every).order_by(digest).limit(_STORES)
    lowest = (await connection.scalars(query)).all()
    count = await connection.scalar(select(func.count()).select_from(Store).where(*every)) or 0
    return Chosen(sorted(lowest), set(lowest[:_HELD_OUT])), count <= _MAX_STORES_KEPT


async def read_samples(
    executor: Executor, chosen: Chosen, like: Slice, snapshot: str
) -> list[Sampled]:
    """Return what the polls of the chosen stores say, as of the T and lookback of a slice."""
    samples = plan_samples(chosen, like, snapshot, executor.parallelism)
    return await asyncio.gather(*(executor.compute(compute_sample, sample) for sample in samples))


def plan_samples(chosen: Chosen, like: Slice, snapshot: str, parallelism: int) -> list[Sample]:
    """Return the samples that are read one by one, in the order of their stores' ids."""
    stores = chosen.stores
    count = max(parallelism, -(-len(stores) // _STORES_A_SAMPLE))
    size = max(1, -(-len(stores) // count))
    samples = []
    for start in range(0, len(stores), size):
        some = stores[start : start + size]
        part = replace(like, first=some[0], last=some[-1], only=some)
        samples.append(Sample(part, snapshot, chosen.of(part)))
    return samples


def compute_sample(url: str | None, part: Sample) -> Sampled:
    """Return what the polls of a sample say, as `partition.compute_partition` does."""
    columns = read_columns(url, part.slice, part.snapshot)
    opened = open_hours(columns, part.slice)
    counted = counted_polls(columns, opened, part.slice)
    assert counted is not None
    likelihoods = likelihoods_of(columns.observations, counted).astype(np.float32)
    return sample(columns, opened, part.slice, likelihoods, part.chosen)


def sample(
    columns: Columns,
    opened: Intervals,
    part: Slice,
    likelihoods: NDArray[np.float32],
    chosen: Chosen,
) -> Sampled:
    """Return what the polls of the chosen stores say, of all whose `likelihoods` (n, POINTS) are.

    `opened` are the intervals of `open_hours`.
    """
    held_out = np.isin(columns.ids, list(chosen.held_out))
    return Sampled(
        likelihoods[np.isin(columns.ids, chosen.stores)],
        _hold_out(columns, opened, part, held_out),
    )


def fit(sampled: Sequence[Sampled]) -> Float64:
    """Return the prior; the samples are in the order of their stores' ids."""
    likelihoods = [one.likelihoods for one in sampled]
    return fit_prior(np.concatenate(likelihoods).astype(np.float64))


def calibrate(sampled: Sequence[Sampled], prior: Float64) -> Int64:
    """Return what was said of the polls held out, as from `reliability`: (BINS, 3)."""
    table = np.zeros((BINS, 3), np.int64)
    for one in sampled:
        table += reliability(one.held_out, prior)
    return table


def _hold_out(columns: Columns, opened: Intervals, part: Slice, chosen: Bool) -> HeldOut:
    """Hold polls of the stores that are `chosen` (n,) out."""
    place = np.cumsum(chosen) - 1
    polls, hours = columns.observations, opened
    of_polls, of_hours = chosen[polls.store], chosen[hours.store]
    return hold_out(
        Observations(place[polls.store[of_polls]], polls.at[of_polls], polls.active[of_polls]),
        Intervals(place[hours.store[of_hours]], hours.start[of_hours], hours.end[of_hours]),
        stores=int(chosen.sum()),
        as_of=part.as_of,
        lookback=part.lookback,
    )
