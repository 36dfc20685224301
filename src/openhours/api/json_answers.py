"""Writing JSON: the one way for answers that no response model writes."""

import json
from typing import Any

from fastapi.responses import Response

# Made once: json.dumps would make one a call.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def json_bytes(content: Any) -> bytes:
    """Return compact JSON in ASCII: text with lone surrogates could not be sent as UTF-8."""
    return _ENCODER.encode(content).encode()


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with the content as JSON."""
    return Response(json_bytes(content), status, headers, "application/json")
