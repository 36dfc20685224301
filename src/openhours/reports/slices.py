"""A slice of a feed's stores, and its observations: packs of them, and rows of the others."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg
import numpy as np

from openhours.db import bulk
from openhours.stores.beat_packs import read_runs
from openhours.stores.columns import positions
from openhours.stores.packs import BLOCK, Polls, days_with_rows, read_packs
from openhours.stores.tables import BEATING, POLLED, WEEKLY
from openhours.times import DAY, HOUR, from_us
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.fill import Observations
from openhours.uptime.fingerprints import Words, of_observations

# An inactive observation is sent a thousand years later than it was made. In hours, which have the
# same length in every session's time zone.
_LATER_HOURS = 8_760_000
_SENT = {
    POLLED: "CASE WHEN active THEN observed_at"
    f" ELSE observed_at + interval '{_LATER_HOURS} hours' END",
    BEATING: "event_time",
}
# Of fewer PCs of a block that are asked for, rows are read: an index finds them.
_MIN_PCS_OF_A_BLOCK = 64
# Packs that are read at once for some of their stores: 30 MB where all are polled every hour.
_BLOCKS_AT_ONCE, _DAYS_AT_ONCE = 4, 8
_NO_POLLS = Polls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))


@dataclass(frozen=True)
class Slice:
    """Some stores of one feed: those with `first <= id <= last`, or those listed in `only`."""

    feed: str
    as_of: int  # µs since 1970
    lookback: int  # µs
    first: int
    last: int
    only: Sequence[int] | None
    default_timezone: str
    # Of PCs: hours (µs) whose heartbeats are read from packs.
    packed_hours: Sequence[int] = ()


class Ends(NamedTuple):
    """What the beats between the first and last ones of runs say: (n,) for these ends.

    `joined`: is it the last of the run that the one before it begins? The `words` of a run's beats
    are with its first.
    """

    joined: Bool
    words: Words


def condition(column: str, part: Slice, first: int) -> tuple[str, tuple[object, ...]]:
    """Return a condition on database ids of stores, and its arguments, from `$first` on."""
    if part.only is not None:
        return f"{column} = ANY(${first}::int4[])", (list(part.only),)
    return f"{column} BETWEEN ${first} AND ${first + 1}", (part.first, part.last)


async def read_observations(
    connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64
) -> Observations:
    """Return the observations in the lookback of the slice's stores that are in `ids` (ascending).

    The connection must be in a transaction.
    """
    since, beyond = part.as_of - part.lookback, part.as_of + 1
    found = [_NO_POLLS]
    not_from_rows: list[int] = []
    if part.feed == POLLED:
        first, last = since // DAY, part.as_of // DAY
        days = await days_with_rows(connection, first, last)
        async for polls in _read_packs(connection, part, days.packed):
            inside = (polls.at >= since) & (polls.at < beyond)
            found.append(_placed(polls if inside.all() else polls.of(inside), ids))
        not_from_rows = [day * DAY for day in range(first, last + 1) if day not in days.others]
    for start, end in _others(not_from_rows, DAY, since, beyond):
        found.append(_placed(await _read_rows(connection, part, start, end), ids))
    return _sorted(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


async def _read_packs(
    connection: "asyncpg.Connection[Any]", part: Slice, days: Sequence[int]
) -> AsyncIterator[Polls]:
    """Yield the polls of packed days, of the slice's stores and of others in their blocks."""
    if part.only is None:
        yield await read_packs(connection, days, _blocks_between(part))
        return
    # Few stores may be in many blocks, whose polls must not be in memory together.
    blocks = _blocks_of(part.only)
    for block in range(0, len(blocks), _BLOCKS_AT_ONCE):
        some_blocks = blocks[block : block + _BLOCKS_AT_ONCE]
        for day in range(0, len(days), _DAYS_AT_ONCE):
            yield await read_packs(connection, days[day : day + _DAYS_AT_ONCE], some_blocks)


def _placed(polls: Polls, ids: Int64) -> Polls:
    """Return the polls of the stores in `ids`, by these stores' positions."""
    polls = polls._replace(store=positions(ids, polls.store))
    named = polls.store >= 0
    return polls if named.all() else polls.of(named)


async def read_packed_beats(
    connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64
) -> tuple[Observations, Ends]:
    """Return the ends of runs of heartbeats of the slice's PCs that are in `ids` (ascending).

    Of hours that are not packed each heartbeat is a run. The connection must be in a transaction.
    """
    runs = await read_runs(connection, part.packed_hours, blocks_of_beats(part))
    found = [(runs.store, runs.began, runs.last, runs.words)]
    since, beyond = part.as_of - part.lookback, part.as_of + 1
    for start, end in _others(part.packed_hours, HOUR, since, beyond):
        rows = await _read_rows(connection, part, start, end)
        found.append((rows.store, rows.at, rows.at, of_observations(rows.at, rows.active)))
    store, began, last, words = (np.concatenate(columns) for columns in zip(*found, strict=True))
    store = positions(ids, store)
    # One integer for both, since sorting one array is fast. Those of no PC come first.
    keys = store * (beyond - since) + (began - since)
    order = np.argsort(keys)
    # A PC may have sent several heartbeats of one instant.
    order = order[(store[order] >= 0) & (np.diff(keys[order], prepend=-1) != 0)]
    store, began, last, words = store[order], began[order], last[order], words[order]
    long = began < last
    count = 1 + long
    ends = np.cumsum(count)[long] - 1
    joined = np.zeros(count.sum(), np.bool_)
    store, at, words = (np.repeat(column, count) for column in (store, began, words))
    at[ends], joined[ends], words[ends] = last[long], True, 0
    return Observations(store, at, np.ones(len(at), np.bool_)), Ends(joined, words)


def blocks_of_beats(part: Slice) -> Sequence[int]:
    """Return the blocks in which packs have the slice's PCs; none where rows are faster."""
    if part.only is None:
        return _blocks_between(part)
    return _blocks_of(part.only) if packs_are_faster(part.only) else []


def packs_are_faster(pcs: Sequence[int]) -> bool:
    """Return whether packs have enough of these PCs in a block to be faster than rows."""
    return len(pcs) >= len(_blocks_of(pcs)) * _MIN_PCS_OF_A_BLOCK


def _blocks_between(part: Slice) -> Sequence[int]:
    return range(part.first // BLOCK, part.last // BLOCK + 1)


def _blocks_of(stores: Sequence[int]) -> Sequence[int]:
    return sorted({store // BLOCK for store in stores})


def _others(skipped: Sequence[int], length: int, since: int, beyond: int) -> list[tuple[int, int]]:
    """Return the stretches of [since, beyond) outside of the days or hours that begin at `skipped`.

    All in µs; `skipped` is sorted.
    """
    found = []
    for start in skipped:
        if since < start:
            found.append((since, start))
        since = start + length
    return [*found, (since, beyond)] if since < beyond else found


async def _read_rows(
    connection: "asyncpg.Connection[Any]", part: Slice, since: int, beyond: int
) -> Polls:
    """Return the observations of the slice's stores in [since, beyond) (µs), in no order."""
    # After some slices PostgreSQL would plan for any slice: without its stores and instants it
    # reads whole weeks of all PCs each time.
    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    which, args = condition("store", part, 3)
    # Packed by the server, eight bytes an observation: a row each would cost three times as much,
    # and a second column, or groups, for the status up to a third more.
    table = WEEKLY[part.feed]
    groups = await connection.fetch(
        f"""
        SELECT store, string_agg(timestamptz_send({_SENT[part.feed]}), NULL) AS instants
        FROM {table.name} WHERE {table.instant} >= $1 AND {table.instant} < $2 AND {which}
        GROUP BY store
        """,  # noqa: S608
        from_us(since),
        from_us(beyond),
        *args,
    )
    at = bulk.instants(b"".join(group["instants"] for group in groups))
    counts = [len(group["instants"]) // bulk.INSTANT_BYTES for group in groups]
    later = _LATER_HOURS * HOUR
    active = at < later
    return Polls(
        store=np.repeat(np.array([group["store"] for group in groups], np.int64), counts),
        at=np.where(active, at, at - later),
        active=active,
    )


def _sorted(store: Int64, at: Int64, active: Bool) -> Observations:
    """Sort by (store, instant): both in one integer, since sorting one array is fast."""
    if len(at) == 0:
        return Observations(store=store, at=at, active=active)
    origin = int(at.min())
    bits = max(1, int(at.max() - origin).bit_length())
    if bits + max(1, int(store.max()).bit_length()) > 62:
        raise OverflowError("too many stores at once for the lookback: make smaller slices")
    keys = np.sort((((store << bits) | (at - origin)) << 1) | active)
    # A PC may have sent several heartbeats of one instant.
    keys = keys[np.diff(keys, prepend=-1) != 0]
    active = (keys & 1).astype(np.bool_)
    keys >>= 1
    return Observations(store=keys >> bits, at=(keys & ((1 << bits) - 1)) + origin, active=active)
