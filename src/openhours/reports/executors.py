"""Where partitions are computed: in child processes of this machine, or on a Dask cluster."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from openhours.errors import OpenhoursError, SettingsError
from openhours.process_pool import Processes
from openhours.reports.job import Compute
from openhours.reports.partition import Partition, PartitionFigures
from openhours.settings import Settings

_CONNECT_TIMEOUT = "10s"
# How often Dask gives a partition to another worker after one died with it.
_RETRIES = 5


class ClusterMissingError(SettingsError):
    """A Dask scheduler is named, but Dask is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "OPENHOURS_DASK_SCHEDULER is set, but Dask is not installed: "
            "pip install 'openhours[cluster]'"
        )


class ClusterAwayError(OpenhoursError):
    """The Dask scheduler cannot be reached."""


def check(settings: Settings) -> None:
    """Raise ClusterMissingError if the settings want a cluster that cannot be had."""
    if settings.dask_scheduler is not None:
        _dask_client()


def _dask_client() -> Any:
    try:
        from distributed import Client  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError:
        raise ClusterMissingError from None
    return Client


@asynccontextmanager
async def opened(settings: Settings, processes: Processes) -> AsyncIterator[tuple[Compute, int]]:
    """How to compute a partition, and how many are computed at once.

    Raises ClusterAwayError when the scheduler cannot be reached.
    """
    if settings.dask_scheduler is None:
        yield _local(processes), processes.count
        return
    try:
        client = await _dask_client()(
            settings.dask_scheduler, asynchronous=True, timeout=_CONNECT_TIMEOUT
        )
    except OSError:
        raise ClusterAwayError(
            f"the Dask scheduler at {settings.dask_scheduler} cannot be reached"
        ) from None
    try:
        workers = client.scheduler_info()["workers"].values()
        yield _remote(client), max(1, sum(worker["nthreads"] for worker in workers))
    finally:
        await client.close()


def _local(processes: Processes) -> Compute:
    async def compute_in(
        function: Callable[[Partition], PartitionFigures], partition: Partition
    ) -> PartitionFigures:
        return await processes.run(function, partition)

    return compute_in


def _remote(client: Any) -> Compute:
    async def compute_in(
        function: Callable[[Partition], PartitionFigures], partition: Partition
    ) -> PartitionFigures:
        # Not pure: the same partition of the same snapshot is never asked for twice, and a
        # result that is kept would only take the cluster's memory.
        future = client.submit(function, partition, pure=False, retries=_RETRIES)
        result: PartitionFigures = await future.result()
        return result

    return compute_in
