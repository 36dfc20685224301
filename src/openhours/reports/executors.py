"""Where partitions are computed: in child processes of this machine, or on a Dask cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from openhours.errors import OpenhoursError, SettingsError
from openhours.process_pool import Processes
from openhours.reports.partition import Partition, PartitionFigures, compute_partition
from openhours.settings import Settings

_CONNECT_TIMEOUT = "10s"
# How often Dask gives a partition to another worker after one died with it.
_RETRIES = 5


class Executor(Protocol):
    """Computes partitions somewhere, `parallelism` of them at once."""

    @property
    def parallelism(self) -> int:
        """Return how many partitions are computed at once."""

    async def compute(self, partition: Partition) -> PartitionFigures:
        """Return the figures of a partition."""


class ClusterMissingError(SettingsError):
    """A Dask scheduler is set, but Dask is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "OPENHOURS_DASK_SCHEDULER is set, but Dask is not installed: "
            "pip install 'openhours[cluster]'"
        )


class ClusterAwayError(OpenhoursError):
    """The Dask scheduler cannot be reached."""


class LocalExecutor:
    """Computes in child processes, which read the database at `url`."""

    def __init__(self, processes: Processes, url: str) -> None:
        self._processes = processes
        self._url = url

    @property
    def parallelism(self) -> int:
        """Return the number of child processes."""
        return self._processes.count

    async def compute(self, partition: Partition) -> PartitionFigures:
        """Return the figures of a partition. Raise BrokenProcessPool when a child died."""
        return await self._processes.run(compute_partition, self._url, partition)


class DaskExecutor:
    """Computes on Dask's workers; each reads the database at its own DATABASE_URL."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def parallelism(self) -> int:
        """Return the number of the cluster's threads."""
        workers = self._client.scheduler_info()["workers"].values()
        threads: int = sum(worker["nthreads"] for worker in workers)
        return max(1, threads)

    async def compute(self, partition: Partition) -> PartitionFigures:
        """Return the figures of a partition; when a worker dies, another one takes over."""
        # Not pure: the same partition of the same snapshot is never computed twice, and a result
        # that is kept would only take the cluster's memory.
        future = self._client.submit(
            compute_partition, None, partition, pure=False, retries=_RETRIES
        )
        result: PartitionFigures = await future.result()
        return result


def check(settings: Settings) -> None:
    """Raise ClusterMissingError if the settings name a cluster and Dask is not installed."""
    if settings.dask_scheduler is not None:
        _dask_client()


@asynccontextmanager
async def open_executor(
    settings: Settings, processes: Processes, url: str
) -> AsyncIterator[Executor]:
    """Yield the executor that the settings name. Raise ClusterAwayError."""
    if settings.dask_scheduler is None:
        yield LocalExecutor(processes, url)
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
        yield DaskExecutor(client)
    finally:
        await client.close()


def _dask_client() -> Any:
    try:
        from distributed import Client  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError:
        raise ClusterMissingError from None
    return Client
