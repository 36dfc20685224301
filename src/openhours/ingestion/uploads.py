"""Uploads: a request's body becomes a file, streamed, bounded, and durable before the answer."""

import asyncio
import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from openhours.durable import to_disk
from openhours.errors import Malformed, TooLarge, Unavailable
from openhours.ingestion.names import printable
from openhours.ingestion.queries import list_awaited_uploads
from openhours.objects import SCHEME, StoreFailed, remove
from openhours.settings import Settings

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_SYNCED_AT_ONCE = 16 << 20  # bytes
# What `share` calls an object: whatever else lies in the folder is left alone.
_OURS = re.compile(r"[0-9a-f]{32}")
# An upload that has not grown for so long, and is not queued, will never be.
_BROKEN_AFTER = 3600  # seconds


@dataclass(frozen=True)
class Upload:
    """File that arrived: its path, and the name that its sender gave it."""

    path: Path
    name: str | None


def folder_of(settings: Settings) -> Path:
    """Return the folder of this machine's uploads, which are there until they are loaded."""
    return settings.data_dir.resolve() / "uploads"


async def share(file: Path, settings: Settings) -> str:
    """Return where an upload lies for who loads it: on this machine, or where all can fetch it.

    Its file is gone from this machine then. Raise Unavailable if the object store does not take it.
    """
    if settings.uploads is None:
        return str(file)
    try:
        url = await settings.uploads.write(secrets.token_hex(16), _pieces_of(file))
    except StoreFailed as error:
        log.warning("uploads: %s: %s", settings.uploads, error)
        reason = "the object store for uploads does not take the file: try again"
        raise Unavailable(reason) from error
    file.unlink()
    return url


async def remove_upload(path: str) -> bool:
    """Remove an upload that nobody awaits, and return True; False if its store does not do it.

    Then it is removed later, as a broken one.
    """
    if not path.startswith(SCHEME):
        Path(path).unlink(missing_ok=True)
        return True
    try:
        await remove(path)
    except StoreFailed as error:
        log.warning("uploads: %s stays: %s", path, error)
        return False
    return True


async def remove_broken_uploads(engine: AsyncEngine, settings: Settings) -> None:
    """Remove uploads that a server was receiving when it was killed: no ingestion awaits them."""
    # Looked for before: what is awaited by then is no longer removed.
    found = await _uploads_here(settings)
    async with engine.connect() as connection:
        awaited = await list_awaited_uploads(connection)
    for path, modified in found:
        is_broken = path not in awaited and time.time() - modified > _BROKEN_AFTER
        if is_broken and await remove_upload(path):
            log.warning("removed an incomplete upload: %s", printable(path.rpartition("/")[2]))


async def _uploads_here(settings: Settings) -> list[tuple[str, float]]:
    """Return where uploads lie, and when each was written (s)."""
    found = []
    for path in folder_of(settings).glob("*"):
        with suppress(FileNotFoundError):  # its ingestion has ended just now
            found.append((str(path), path.stat().st_mtime))
    if settings.uploads is not None:
        try:
            found += [
                (one.url, one.modified_ns / 1e9)
                for one in await settings.uploads.objects()
                if _OURS.fullmatch(one.name)
            ]
        except StoreFailed as error:
            log.warning("uploads: %s: %s", settings.uploads, error)
    return found


async def _pieces_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await anyio.to_thread.run_sync(file.read, _CHUNK):
            yield piece


async def receive(request: Request, folder: Path, limit: int) -> Upload:
    """Write a raw body, or the first file of a multipart form, to a new file in `folder`.

    The file is fsynced. Raise TooLarge over `limit` bytes, Malformed for an empty or broken body;
    nothing is left of the file then.
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


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        raise Malformed(f"the multipart form cannot be read: {error.message}") from None
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise Malformed(f"the form must hold one file, this one holds {len(files)}")
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
    loop = asyncio.get_running_loop()
    unsynced, syncing = 0, loop.create_future()
    syncing.set_result(None)
    with os.fdopen(descriptor, "wb") as file:
        try:
            async for chunk in _gathered(chunks):
                await anyio.to_thread.run_sync(file.write, chunk)
                unsynced += len(chunk)
                if unsynced >= _SYNCED_AT_ONCE:
                    await syncing
                    # The disk works while more is received: at the end little is left to wait for.
                    syncing = loop.run_in_executor(None, os.fdatasync, descriptor)
                    unsynced = 0
            # The kernel reports a failed write once: `to_disk` would not be told.
            await syncing
        finally:
            await asyncio.gather(syncing, return_exceptions=True)  # it uses the descriptor
        await anyio.to_thread.run_sync(to_disk, file, path.parent)


async def _gathered(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes in chunks worth a thread's while: a network gives them in 64 KiB."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
