"""Where partitions are computed: in child processes of this machine, or on a Dask cluster."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeAlias, TypeVar

from openhours.db.machine import is_loopback
from openhours.errors import OpenhoursError, SettingsError
from openhours.process_pool import Processes
from openhours.settings import Settings

_CONNECT_TIMEOUT = "10s"
# How often Dask gives a partition to another worker after one died with it.
_RETRIES = 5
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+):[0-9]+", re.IGNORECASE)


Part = TypeVar("Part")
Found = TypeVar("Found")
# A module-level function of the database's URL, None for that of the process, and a part.
Computation: TypeAlias = Callable[[str | None, Part], Found]


class Executor(Protocol):
    """Computes parts of reports somewhere, `parallelism` of them at once.

    A part that is cancelled while it is computed is given up.
    """

    @property
    def parallelism(self) -> int:
        """Return how many partitions are computed at once."""

    async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
        """Return what a function finds in a part of a report."""


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

    async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
        """Return what a function finds. Raise BrokenProcessPool when a child died.

        When this is cancelled the child is killed.
        """
        return await self._processes.run(function, self._url, part)


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

    async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
        """Return what a function finds; when a worker dies, another one takes over."""
        # Not pure: the same part of the same snapshot is never computed twice, and a result that is
        # kept would only take the cluster's memory.
        future = self._client.submit(function, None, part, pure=False, retries=_RETRIES)
        result: Found = await future.result()
        return result


def check(settings: Settings) -> None:
    """Raise SettingsError for a cluster that cannot be used, or by anyone on its network."""
    if settings.dask_scheduler is not None:
        _security(settings, settings.dask_scheduler)


@asynccontextmanager
async def open_executor(
    settings: Settings, processes: Processes, url: str
) -> AsyncIterator[Executor]:
    """Yield the executor that the settings name. Raise SettingsError or ClusterAwayError."""
    if settings.dask_scheduler is None:
        yield LocalExecutor(processes, url)
        return
    security = _security(settings, settings.dask_scheduler)
    try:
        client = await _dask().Client(
            settings.dask_scheduler,
            asynchronous=True,
            timeout=_CONNECT_TIMEOUT,
            security=security,
        )
    except OSError:
        raise ClusterAwayError(
            f"the Dask scheduler at {settings.dask_scheduler} cannot be reached"
        ) from None
    try:
        yield DaskExecutor(client)
    finally:
        await client.close()


def _security(settings: Settings, scheduler: str) -> Any:
    """Return the client's side of TLS, None for a scheduler on this machine without it.

    Whoever reaches a scheduler or a worker runs code there, and what they answer runs code here.
    Raise SettingsError for a plain connection to another machine, or files that are not there.
    """
    dask = _dask()
    files = {
        "OPENHOURS_DASK_TLS_CA_FILE": settings.dask_tls_ca_file,
        "OPENHOURS_DASK_TLS_CERT": settings.dask_tls_cert,
        "OPENHOURS_DASK_TLS_KEY": settings.dask_tls_key,
    }
    address = _ADDRESS.fullmatch(scheduler)
    protocol, host = (address[1], address[2].strip("[]")) if address else ("", "")
    if protocol == "tcp" and is_loopback(host) and not any(files.values()):
        return None
    if protocol != "tls":
        raise SettingsError(
            f"OPENHOURS_DASK_SCHEDULER={scheduler} is refused: without TLS, whoever is on its "
            "network can run code there and here. Start the scheduler and its workers with TLS, "
            f"name it as tls://host:port, and set {', '.join(files)}; without them only "
            "tcp://127.0.0.1:port is possible"
        )
    for name, file in files.items():
        if file is None or not file.is_file():
            raise SettingsError(f"{name} must name a PEM file for {scheduler}: {file or 'unset'}")
    try:
        security = dask.Security(
            tls_ca_file=str(settings.dask_tls_ca_file),
            tls_client_cert=str(settings.dask_tls_cert),
            tls_client_key=str(settings.dask_tls_key),
            require_encryption=True,
        )
        security.get_connection_args("client")
    except OSError as error:
        raise SettingsError(f"the certificates for {scheduler} cannot be read: {error}") from None
    return security


def _dask() -> Any:
    try:
        import distributed  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError:
        raise ClusterMissingError from None
    return distributed
