"""Writing JSON: the one way for answers that no response model writes."""

import json
from typing import Any

from fastapi.responses import Response


def json_bytes(content: Any) -> bytes:
    """Return compact JSON in ASCII: text with lone surrogates could not be sent as UTF-8."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON; bytes are JSON already."""
    body = content if isinstance(content, bytes) else json_bytes(content)
    return Response(body, status, headers, "application/json")
