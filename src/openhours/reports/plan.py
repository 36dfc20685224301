"""Stores -> partitions: small enough for memory, and enough of them for all processes."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.engine import raw_connection
from openhours.db.weekly import WeeklyTable, week_of
from openhours.reports.filling import fill_rules_of
from openhours.reports.inputs import cuts_of
from openhours.reports.partition import Partition
from openhours.reports.slices import Slice
from openhours.reports.tables import Report
from openhours.reports.windows import lookback, windows_of
from openhours.stores.beat_packs import TOGETHER, count_runs, packed_hours
from openhours.stores.labels import having
from openhours.stores.tables import BEATING, POLLED, WEEKLY, Store
from openhours.times import DAY, HOUR, to_us

# A partition holds about so many observations: 5 MB on the wire, some 60 MB while computing.
_OBSERVATIONS_A_PARTITION = 600_000
_MAX_STORES_A_PARTITION = 20_000
_MIN_STORES_A_PARTITION = 50
_FIGURES_A_PARTITION = 1_000_000
_MAX_AXIS = 2**62  # µs
_BYTES_AN_OBSERVATION = 50  # heap only; an estimate that needs no statistics
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
    chosen = report.stores is not None or report.labels is not None
    partitions = []
    for feed, as_of in ((POLLED, report.as_of_polled), (BEATING, report.as_of_beating)):
        if as_of is None:
            continue
        cuts = cuts_of(report, feed)
        conditions = [Store.feed == feed, Store.first_observed_at <= as_of]
        if report.stores is not None:
            conditions.append(Store.id == func.any(report.stores))
        if report.labels is not None:
            conditions.append(having(report.labels))
        query = select(Store.id).where(*conditions).order_by(Store.id)
        stores = (await connection.scalars(query)).all()
        back = lookback(windows, to_us(as_of), report.lookback_days * DAY)
        weeks = range(week_of(to_us(as_of) - back), week_of(to_us(as_of)) + 1)
        observations = await _estimate_observations(connection, WEEKLY[feed], weeks)
        hours: list[int] = []
        if feed == BEATING and fill_rules_of(report).heartbeat_expiry >= TOGETHER:
            hours = await _hours_to_read(connection, cuts.edges)
            raw = await raw_connection(connection)
            rows = max(0, 1 - len(hours) * HOUR / back)
            observations = int(observations * rows) + 2 * await count_runs(raw, hours)
        size = stores_a_partition(len(stores), observations, parallelism)
        # Their figures, and the axis that holds all stores' time lines, are bounded, too.
        size = max(1, min(size, _FIGURES_A_PARTITION // len(windows), _MAX_AXIS // back))
        for some in _runs(stores, size):
            part = Slice(
                feed=feed,
                as_of=to_us(as_of),
                lookback=back,
                first=some[0],
                last=some[-1],
                only=some if chosen else None,
                default_timezone=report.default_timezone,
                packed_hours=hours,
            )
            partitions.append(
                Partition(
                    part,
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


async def _hours_to_read(connection: AsyncConnection, edges: Sequence[int]) -> list[int]:
    """Return the packed hours (µs) of the lookback but for those that an edge (µs) cuts."""
    hours = await packed_hours(await raw_connection(connection), edges[0], edges[-1])
    cut = {edge // HOUR * HOUR for edge in edges if edge % HOUR}
    return [hour for hour in hours if hour not in cut]


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


async def _estimate_observations(
    connection: AsyncConnection, table: WeeklyTable, weeks: range
) -> int:
    """Return about how many observations the weeks have, from their tables' size on disk."""
    names = literal([table.name_of(week) for week in weeks], ARRAY(Text))
    name = func.unnest(names).column_valued("name")
    size = func.sum(func.pg_relation_size(func.to_regclass(name)))
    total = await connection.scalar(select(cast(func.coalesce(size, 0), BigInteger)))
    return int(total or 0) // _BYTES_AN_OBSERVATION
