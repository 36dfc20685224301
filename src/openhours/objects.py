"""Folders of an object store, `s3://bucket/folder`; they need the extra `objects`.

Where the store is and with which key it is asked stands in the environment, under the names that
all tools for S3 read: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and so
on; AWS_ALLOW_HTTP=true for a store without TLS.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import IO, TYPE_CHECKING, NamedTuple

from openhours.errors import OpenhoursError, SettingsError

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"
_PIECE = 8 << 20
# A worker looks again later; a child that loads a file waits for a store that is away.
_SOON, _LATER = timedelta(seconds=20), timedelta(minutes=10)


class StoreFailed(OpenhoursError):
    """The object store did not do as asked; the message says why."""


class ObjectGone(StoreFailed):
    """There is no such object, or no such bucket, or the object has been replaced meanwhile."""


class Object(NamedTuple):
    """Object of a folder: its name there, its address, its bytes, when it was written (ns)."""

    name: str
    url: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class S3Folder:
    """Folder of an object store; `url` has no slash at its end."""

    url: str

    def __str__(self) -> str:
        return self.url

    def check(self) -> None:
        """Raise SettingsError if it cannot be used at all; the store is not asked."""
        try:
            _store(self.url, _SOON)
        except StoreFailed as error:
            raise SettingsError(f"{self}: {error}") from None

    async def objects(self) -> list[Object]:
        """Return what lies in this folder, but for folders, by name. Raise StoreFailed."""
        import obstore  # noqa: PLC0415

        with _explained():
            found = await obstore.list_with_delimiter_async(_store(self.url, _SOON))
        objects = [
            Object(one["path"], f"{self.url}/{one['path']}", one["size"], _ns(one["last_modified"]))
            for one in found["objects"]
        ]
        return sorted(objects)

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> str:
        """Write an object, which is whole from the moment it is there; return its address.

        Raise StoreFailed, and what `chunks` raises.
        """
        import obstore  # noqa: PLC0415

        failed: list[Exception] = []

        async def told() -> AsyncIterator[bytes]:
            try:
                async for chunk in chunks:
                    yield chunk
            except Exception as error:
                failed.append(error)
                raise

        try:
            with _explained():
                await obstore.put_async(_store(self.url, _SOON), name, told())
        except StoreFailed:
            if failed:
                raise failed[0] from None
            raise
        return f"{self.url}/{name}"


async def remove(url: str) -> None:
    """Remove an object, if it is there. Raise StoreFailed."""
    import obstore  # noqa: PLC0415

    folder, _, name = url.rpartition("/")
    with _explained():
        await obstore.delete_async(_store(folder, _SOON), name)


def fetch(url: str, file: IO[bytes]) -> int:
    """Copy an object into a file; return when it was written (ns). Raise StoreFailed."""
    import obstore  # noqa: PLC0415

    folder, _, name = url.rpartition("/")
    with _explained():
        store = _store(folder, _LATER)
        is_now = obstore.head(store, name)
        tag = is_now["e_tag"]
        for start in range(0, is_now["size"], _PIECE):
            piece = (start, min(start + _PIECE, is_now["size"]))
            found = obstore.get(store, name, options={"range": piece, "if_match": tag})
            file.write(found.bytes())
    file.flush()
    return _ns(is_now["last_modified"])


@cache
def _store(url: str, patience: timedelta) -> "S3Store":
    try:
        from obstore.store import S3Store  # noqa: PLC0415
    except ModuleNotFoundError:
        raise SettingsError(f"{SCHEME}… needs pip install 'openhours[server,objects]'") from None
    with _explained():
        return S3Store.from_url(
            url,
            retry_config={
                "max_retries": 1000,
                "retry_timeout": patience,
                "backoff": {
                    "init_backoff": timedelta(milliseconds=200),
                    "max_backoff": timedelta(seconds=10),
                    "base": 2,
                },
            },
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Raise StoreFailed where the store refuses or is away, with the first line of what it says."""
    from obstore.exceptions import BaseError, PreconditionError  # noqa: PLC0415

    try:
        yield
    except (FileNotFoundError, PreconditionError) as error:
        raise ObjectGone("there is no such object or bucket") from error
    except (BaseError, OSError, ValueError) as error:
        raise StoreFailed(str(error).strip().split("\n", 1)[0][:500]) from error


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000
