"""Static files at addresses that change with their content, so that browsers keep them."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from fastapi import Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.types import Scope

from openhours.api.negotiation import accepts_gzip
from openhours.api.off_loop import off_loop

KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}
_COMPRESSIBLE = {".js", ".css", ".svg"}


class Static(StaticFiles):
    """The files of a folder, below their `version`: `/static/<version>/style.css`.

    Below another one, as in the page of a server that was updated meanwhile, or below none, they
    are what they are now, and browsers ask for them each time. Text is compressed once.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        digest = hashlib.sha256()
        for file in sorted(folder.iterdir()):
            digest.update(file.name.encode() + file.read_bytes())
        self.version = digest.hexdigest()[:12]

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or raise what `StaticFiles` raises for none."""
        version, _, name = path.partition("/")
        response = await super().get_response(name or path, scope)
        if isinstance(response, FileResponse) and Path(response.path).suffix in _COMPRESSIBLE:
            response.headers["Vary"] = "Accept-Encoding"
            if accepts_gzip(Headers(scope=scope)):
                response = await _compressed(response)
        response.headers["Cache-Control"] = "no-cache"
        if version == self.version:
            response.headers.update(KEPT)
        return response


async def _compressed(whole: FileResponse) -> Response:
    content = await off_loop(_gzip, str(whole.path))
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(content, headers=headers, media_type=whole.media_type)


@cache
def _gzip(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)
