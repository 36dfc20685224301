"""Stores -> partitions: small enough for memory, and enough of them for all processes."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import BigInteger, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.engine import raw_connection
from openhours.db.weekly import week_of
from openhours.reports.filling import fill_rules_of
from openhours.reports.inputs import cuts_of
from openhours.reports.partition import Partition
from openhours.reports.slices import Slice, packs_are_faster
from openhours.reports.tables import Report
from openhours.reports.windows import windows_of
from openhours.stores.beat_packs import TOGETHER, count_runs, packed_hours
from openhours.stores.labels import having
from openhours.stores.queries import read_corrections
from openhours.stores.tables import BEATING, POLLED, WEEKLY, Store
from openhours.times import HOUR

# A partition holds about so many observations: 5 MB on the wire, some 60 MB while computing.
_OBSERVATIONS_A_PARTITION = 600_000
_MAX_STORES_A_PARTITION = 20_000
_MIN_STORES_A_PARTITION = 50
_FIGURES_A_PARTITION = 1_000_000
_MAX_AXIS = 2**62  # µs
_BYTES_AN_OBSERVATION = 50  # heap only; an estimate that needs no statistics
_BEATS_AN_HOUR = 60
# Below so many stores one process is done before others have begun.
_MIN_STORES_TO_SHARE = 500


async def plan_partitions(
    connection: AsyncConnection, report: Report, parallelism: int
) -> list[Partition]:
    """Return the partitions of a report: slices of the stores of both feeds.

    They are read in the snapshot of the connection's transaction, which must stay open as long as
    they are computed. `parallelism` is how many are computed at once.
    """
    snapshot = str(await connection.scalar(select(func.pg_export_snapshot())))
    windows = windows_of(report)
    partitions = []
    for feed in (POLLED, BEATING):
        stores = await _stores(connection, report, feed)
        if not stores:
            continue
        cuts = cuts_of(report, feed)
        whole = await _whole(connection, report, feed, stores, cuts.edges)
        observations = await _estimate_observations(connection, whole, len(stores))
        size = stores_a_partition(len(stores), observations, parallelism)
        # Their figures, and the axis that holds all stores' time lines, are bounded, too.
        size = max(1, min(size, _FIGURES_A_PARTITION // len(windows), _MAX_AXIS // whole.lookback))
        for some in _runs(stores, size):
            only = None if whole.only is None else some
            partitions.append(
                Partition(
                    replace(whole, first=some[0], last=some[-1], only=only),
                    snapshot,
                    fill_rules_of(report),
                    windows,
                    prior=None,
                    chosen=None,
                    targets=None,
                    outages=report.outages,
                    cuts=cuts,
                )
            )
    return partitions


async def _stores(connection: AsyncConnection, report: Report, feed: str) -> Sequence[int]:
    """Return the stores of a feed that the report has rows of, ascending."""
    as_of = report.as_of(feed)
    if as_of is None:
        return []
    conditions = [Store.feed == feed, Store.first_observed_at <= as_of]
    if report.stores is not None:
        conditions.append(Store.id == func.any(report.stores))
    if report.labels is not None:
        conditions.append(having(report.labels))
    query = select(Store.id).where(*conditions).order_by(Store.id)
    return (await connection.scalars(query)).all()


async def _whole(
    connection: AsyncConnection,
    report: Report,
    feed: str,
    stores: Sequence[int],
    edges: Sequence[int],
) -> Slice:
    """Return the slice of all these stores of a feed.

    Its packed hours leave out those that an edge or T cuts, and those in which a correction makes
    an outage begin or end between heartbeats.
    """
    since, as_of = edges[0], edges[-1] - 1
    chosen = report.stores is not None or report.labels is not None
    hours: list[int] = []
    if (
        feed == BEATING
        and fill_rules_of(report).heartbeat_expiry >= TOGETHER
        and (not chosen or packs_are_faster(stores))
    ):
        raw = await raw_connection(connection)
        corrected = [
            instant
            for one in await read_corrections(raw, since, as_of)
            if one.treat_as == "down"
            for instant in (one.start, one.end)
        ]
        cut = {instant // HOUR * HOUR for instant in (*edges, *corrected) if instant % HOUR}
        hours = [hour for hour in await packed_hours(raw, since, as_of) if hour not in cut]
    return Slice(
        feed=feed,
        as_of=as_of,
        lookback=as_of - since,
        first=stores[0],
        last=stores[-1],
        only=stores if chosen else None,
        default_timezone=report.default_timezone,
        packed_hours=hours,
    )


def only_of(partitions: Sequence[Partition]) -> list[int] | None:
    """Return the stores to which the report is restricted; None if it is not."""
    lists = [partition.slice.only for partition in partitions]
    return None if None in lists else [store for some in lists for store in some or ()]


def stores_a_partition(stores: int, observations: int, parallelism: int) -> int:
    """Return how many stores share a partition, at least 1."""
    count = max(round(observations / _OBSERVATIONS_A_PARTITION), stores // _MAX_STORES_A_PARTITION)
    count = max(1, min(count, stores // _MIN_STORES_A_PARTITION))
    if stores > _MIN_STORES_TO_SHARE:
        # A whole number of rounds: no process idles in the last.
        count = -(-count // parallelism) * parallelism
    return max(1, -(-stores // count))


def _runs(stores: Sequence[int], size: int) -> list[Sequence[int]]:
    return [stores[start : start + size] for start in range(0, len(stores), size)]


async def _estimate_observations(connection: AsyncConnection, whole: Slice, stores: int) -> int:
    """Return about how many observations are read of all stores: rows, and ends of packed runs.

    Rows are estimated from the size on disk of the tables of their weeks; in hours that are not
    packed, from a heartbeat a minute.
    """
    table, since = WEEKLY[whole.feed], whole.as_of - whole.lookback
    weeks = range(week_of(since), week_of(whole.as_of) + 1)
    names = literal([table.name_of(week) for week in weeks], ARRAY(Text))
    name = func.unnest(names).column_valued("name")
    size = func.sum(func.pg_relation_size(func.to_regclass(name)))
    total = await connection.scalar(select(cast(func.coalesce(size, 0), BigInteger)))
    rows = int(total or 0) // _BYTES_AN_OBSERVATION
    if not whole.packed_hours:
        return rows
    others = whole.lookback / HOUR - len(whole.packed_hours)
    runs = await count_runs(await raw_connection(connection), whole.packed_hours)
    return min(rows, int(stores * others * _BEATS_AN_HOUR)) + 2 * runs
