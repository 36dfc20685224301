"""The fleet's prior: how fast stores go down and come up, whatever their own polls say.

It comes from the same stores whatever stores a report is asked for, so that a store has the same
interval in every report of the same T, windows and snapshot.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.reports.columns import Columns, Slice
from openhours.reports.executors import Executor
from openhours.reports.partition import counted_polls, open_hours, read_columns
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
_HELD_OUT = 1_000
_STORES_A_SAMPLE = 5_000


@dataclass(frozen=True)
class Sample:
    """Stores that the prior is fitted to, in a snapshot; `held_out` are some of them."""

    slice: Slice
    snapshot: str
    held_out: Sequence[int]


@dataclass(frozen=True)
class Sampled:
    """The likelihoods (n, POINTS) of the stores `store_ids` (n,), and polls held out of some."""

    store_ids: Int64
    likelihoods: NDArray[np.float32]
    held_out: HeldOut


@dataclass(frozen=True)
class Fleet:
    """The prior, and what was said of polls held out, as from `reliability`: (BINS, 3)."""

    prior: Float64
    reliability: Int64


async def fit_fleet(
    connection: AsyncConnection, executor: Executor, like: Slice, snapshot: str
) -> Fleet:
    """Return the fleet as of the T and lookback of a slice, in the snapshot of the transaction."""
    samples = await _plan(connection, like, snapshot, executor.parallelism)
    sampled = await asyncio.gather(
        *(executor.compute(compute_sample, sample) for sample in samples)
    )
    return await asyncio.to_thread(_fit, sampled)


async def _plan(
    connection: AsyncConnection, like: Slice, snapshot: str, parallelism: int
) -> list[Sample]:
    every = (Store.feed == POLLED, Store.first_observed_at <= from_us(like.as_of))
    digest = func.sha256(func.convert_to(Store.store_id, "UTF8"))
    query = select(Store.id).where(*every).order_by(digest).limit(_STORES)
    lowest = (await connection.scalars(query)).all()
    held_out = set(lowest[:_HELD_OUT])
    count = max(parallelism, -(-len(lowest) // _STORES_A_SAMPLE))
    size = max(1, -(-len(lowest) // count))
    stores = sorted(lowest)
    samples = []
    for start in range(0, len(stores), size):
        some = stores[start : start + size]
        part = replace(like, first=some[0], last=some[-1], only=some)
        samples.append(Sample(part, snapshot, [store for store in some if store in held_out]))
    return samples


def compute_sample(url: str | None, sample: Sample) -> Sampled:
    """Return what the polls of a sample say, as `partition.compute_partition` does."""
    part = sample.slice
    columns = read_columns(url, part, sample.snapshot)
    opened = open_hours(columns, part)
    counted = counted_polls(columns, opened, part)
    assert counted is not None
    held_out = np.isin(columns.ids, sample.held_out)
    return Sampled(
        columns.ids,
        likelihoods_of(columns.observations, counted).astype(np.float32),
        _hold_out(columns, opened, part, held_out),
    )


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


def _fit(sampled: Sequence[Sampled]) -> Fleet:
    # In the order of the stores' ids, however they were partitioned.
    likelihoods = [one.likelihoods for one in sampled]
    prior = fit_prior(np.concatenate(likelihoods).astype(np.float64))
    table = np.zeros((BINS, 3), np.int64)
    for one in sampled:
        table += reliability(one.held_out, prior)
    return Fleet(prior, table)
