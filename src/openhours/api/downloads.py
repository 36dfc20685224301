"""Large answers as files: made once, on disk, then copied, whole or in ranges, to whoever asks.

So they have a length and a digest, and a hundred clients cost as much as one. What a key names must
never change. A file goes when nobody has asked for it for an hour, or when there are too many.
"""

import asyncio
import base64
import hashlib
import os
import re
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from openhours.api.dependencies import Resource
from openhours.api.error_responses import problem_response
from openhours.api.negotiation import accepts_gzip
from openhours.api.off_loop import off_loop
from openhours.api.openapi import header
from openhours.db.engine import is_disk_full

_KEPT_FOR = 3600.0  # seconds
_MAX_BYTES = 1 << 30
_UNFINISHED = ".part"
# A day old, they were left by a process that was killed.
_LEFT_AFTER = 86_400.0
_RANGE = re.compile(r"(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})|-(?P<suffix>[0-9]{1,18})")

# For the OpenAPI description: what `download` answers beside 200, and the headers of both.
FILE_HEADERS = {
    "ETag": header("Changes when the file does: for `If-None-Match` and `If-Range`."),
    "Repr-Digest": header("SHA-256 of the whole file (RFC 9530), as it is encoded."),
    "Accept-Ranges": header("`bytes`: parts of the file can be asked for by `Range`."),
    "Content-Encoding": header("`gzip`, to a client that accepts it."),
}
FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    206: {
        "description": "The part that `Range` asks for.",
        "headers": FILE_HEADERS | {"Content-Range": header("Where it stands in the file.")},
    },
    304: {"description": "Not modified (`If-None-Match`)."},
    416: {"description": "The file ends before the `Range` begins."},
}

Make = Callable[[], Awaitable[AsyncIterator[bytes]]]


class MadeFile(NamedTuple):
    """A file that is complete. `digest` is its SHA-256."""

    path: Path
    digest: bytes


class Downloads:
    """The files of this process in `folder`, by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making: dict[str, asyncio.Task[MadeFile]] = {}
        self._made: dict[str, MadeFile] = {}

    async def get(self, key: str, make: Make) -> tuple[MadeFile, os.stat_result]:
        """Return the file of a key, made by `make` if there is none, and its state.

        Whoever asks meanwhile waits for the same file. Raise what `make` raises, and OSError.
        """
        made = self._made.get(key)
        if made is not None:
            state = await off_loop(_touch, made.path)
            if state is not None:
                return made, state
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(lambda _: self._making.pop(key))
        # A client that leaves does not end it for the others.
        made = await asyncio.shield(task)
        return made, await off_loop(os.stat, made.path)

    async def _make(self, key: str, make: Make) -> MadeFile:
        chunks = await make()
        file = await off_loop(_Unfinished, self._folder)
        try:
            async for chunk in chunks:
                await off_loop(file.write, chunk)
            made = await off_loop(file.finish, hashlib.sha256(key.encode()).hexdigest())
        finally:
            file.discard()
        self._made[key] = made
        gone = await off_loop(_evict, self._folder, made.path)
        self._made = {name: kept for name, kept in self._made.items() if kept.path not in gone}
        return made


class _Unfinished:
    """A file that is being written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115  `discard` closes it
            dir=folder, suffix=_UNFINISHED, delete=False
        )
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self._file.write(chunk)

    def finish(self, name: str) -> MadeFile:
        self._file.close()
        path = Path(self._file.name).with_name(name)
        Path(self._file.name).replace(path)
        return MadeFile(path, self._hash.digest())

    def discard(self) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


def _touch(path: Path) -> os.stat_result | None:
    """Note that a file is in use; return its state, None if it is gone."""
    try:
        os.utime(path)
        return path.stat()
    except FileNotFoundError:
        return None


def _evict(folder: Path, kept: Path) -> set[Path]:
    """Remove what nobody uses, and the oldest if there is too much, but for one; return them."""
    present = time.time()
    found = sorted(
        ((file, file.stat()) for file in map(Path, os.scandir(folder)) if file.exists()),
        key=lambda one: one[1].st_mtime,
        reverse=True,
    )
    total, gone = 0, set[Path]()
    for path, state in found:
        total += state.st_size
        unfinished = path.suffix == _UNFINISHED
        age = present - state.st_mtime
        too_old = age > (_LEFT_AFTER if unfinished else _KEPT_FOR)
        if path != kept and (too_old or (total > _MAX_BYTES and not unfinished)):
            path.unlink(missing_ok=True)
            gone.add(path)
    return gone


async def download(
    request: Request,
    downloads: Downloads,
    key: str,
    make: Make,
    headers: dict[str, str],
    *,
    media: str,
    compressible: bool,
    modified_at: float,
) -> Response:
    """Answer with the file of a key: whole, in ranges, gzipped, its headers alone, or a 304.

    `modified_at` (seconds since 1970) never changes for a key. Where there is no space for the
    file, it is streamed while it is made, without its length. Raise what `make` raises.
    """
    gzipped = compressible and accepts_gzip(request.headers)
    headers["Cache-Control"] = "private, max-age=0, must-revalidate"
    if compressible:
        headers["Vary"] = ", ".join(filter(None, [headers.get("Vary"), "Accept-Encoding"]))
    try:
        if gzipped:
            file, state = await downloads.get(f"{key} gzip", lambda: _gzip(make))
            headers["Content-Encoding"] = "gzip"
        else:
            file, state = await downloads.get(key, make)
    except OSError as error:
        if not is_disk_full(error):
            raise
        return StreamingResponse(await make(), 200, headers, media)
    headers |= {
        "ETag": f'"{file.digest.hex()[:32]}"',
        "Last-Modified": formatdate(modified_at, usegmt=True),
        "Repr-Digest": f"sha-256=:{base64.b64encode(file.digest).decode()}:",
        "Content-Length": str(state.st_size),
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        del headers["Content-Length"]
        return Response(status_code=304, headers=headers)
    size = state.st_size
    firsts = _first_bytes(request.headers.get("range", ""), size)
    if any(first >= size for first in firsts):
        beyond = {"Content-Range": f"bytes */{size}"}
        return problem_response(416, f"the file has {size} bytes", beyond)
    if not firsts:
        # A `Range` that is malformed is ignored, as RFC 9110 allows.
        request.scope["headers"] = [one for one in request.scope["headers"] if one[0] != b"range"]
    return FileResponse(file.path, 200, headers, media, stat_result=state)


def _first_bytes(text: str, size: int) -> list[int]:
    """Return where each range of a `Range` header begins; [] if it is malformed or missing."""
    unit, _, ranges = text.strip().lower().partition("=")
    found = []
    for part in ranges.split(","):
        match = _RANGE.fullmatch(part.strip())
        if unit != "bytes" or match is None:
            return []
        if match["last"] and int(match["last"]) < int(match["first"]):
            return []
        found.append(size - int(match["suffix"]) if match["suffix"] else int(match["first"]))
    return found


async def _gzip(make: Make) -> AsyncIterator[bytes]:
    chunks = await make()
    # The fastest level: it still makes a fifth of figures. Without a time or a name: always equal.
    packer = zlib.compressobj(1, wbits=31)

    async def packed() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield await off_loop(packer.compress, chunk)
        yield packer.flush()

    return packed()


DOWNLOADS: Resource[Downloads] = Resource("downloads")
