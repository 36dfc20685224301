"""Bodies of requests become files: streamed, bounded, and on the disk before the answer."""

import logging
import os
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from openhours.errors import Malformed, TooLarge
from openhours.settings import Settings
from openhours.stores.tables import Ingestion

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
# An upload to which nothing was added for so long, and which was not queued, will never be.
_BROKEN_SECONDS = 3600


@dataclass(frozen=True)
class Upload:
    """A file that arrived: where it lies, and the name its sender gave it."""

    path: Path
    name: str | None


def folder_of(settings: Settings) -> Path:
    """Where this machine's uploads lie until they are loaded."""
    return settings.data_dir.resolve() / "uploads"


async def remove_broken_uploads(engine: AsyncEngine, settings: Settings) -> None:
    """Remove what a server was receiving when it was killed: no ingestion waits for it."""
    names = select(Ingestion.path).where(
        Ingestion.uploaded, Ingestion.state.in_(("queued", "running"))
    )
    async with engine.connect() as connection:
        awaited = set((await connection.scalars(names)).all())
    for path in folder_of(settings).glob("*"):
        with suppress(FileNotFoundError):  # its ingestion has ended just now
            if str(path) not in awaited and time.time() - path.stat().st_mtime > _BROKEN_SECONDS:
                path.unlink()
                log.warning("removed an upload that was broken off: %s", path.name)


async def receive(request: Request, folder: Path, limit: int) -> Upload:
    """Write a raw body, or the first file of a multipart form, to a new file in `folder`.

    The file is fsynced. Raise TooLarge over `limit` bytes, Malformed for an empty or broken body.
    What was written of it is gone then.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    await anyio.to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True, mode=0o700))
    path = folder / secrets.token_hex(16)
    try:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            name = await _from_form(request, path, limit)
        else:
            name = None
            await _write(path, _bounded(request, limit))
        if path.stat().st_size == 0:
            raise Malformed("the body is empty: send a CSV file")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload(path, name)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the file is larger than {limit:,} bytes (OPENHOURS_MAX_UPLOAD_MB)")


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        yield chunk


async def _from_form(request: Request, path: Path, limit: int) -> str | None:
    # The parser spools a large part to a temporary file on disk.
    try:
        form = await MultiPartParser(request.headers, _bounded(request, limit)).parse()
    except MultiPartException as error:
        raise Malformed(f"broken multipart form: {error.message}") from None
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise Malformed(f"send one file in the form; there are {len(files)}")
        file = files[0]

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await file.read(_CHUNK):
                yield chunk

        await _write(path, chunks())
        return file.filename
    finally:
        await form.close()


async def _write(path: Path, chunks: AsyncIterator[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in chunks:
            await anyio.to_thread.run_sync(file.write, chunk)
        await anyio.to_thread.run_sync(_to_disk, file.fileno(), path.parent)


def _to_disk(descriptor: int, folder: Path) -> None:
    os.fsync(descriptor)
    parent = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(parent)  # the file's name, too, must survive a power cut
    finally:
        os.close(parent)
