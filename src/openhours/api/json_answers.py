"""Writing JSON: the one way for answers that no response model writes."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi.responses import Response
from pydantic import BaseModel

from openhours.api.off_loop import off_loop

Row = TypeVar("Row")

# Made once: json.dumps would make one a call.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def json_bytes(content: Any) -> bytes:
    """Return compact JSON in ASCII: text with lone surrogates could not be sent as UTF-8."""
    return _ENCODER.encode(content).encode()


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with the content as JSON."""
    return Response(json_bytes(content), status, headers, "application/json")


async def json_list_answer(
    rows: Sequence[Row],
    describe: Callable[[Row], BaseModel | dict[str, Any]],
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a response with a description of each row as a JSON array, written off the loop."""
    content = b"[" + await off_loop(json_items, rows, describe) + b"]"
    return Response(content, 200, headers, "application/json")


def json_items(rows: Sequence[Row], describe: Callable[[Row], BaseModel | dict[str, Any]]) -> bytes:
    """Return a description of each row as JSON, with commas between them."""
    # One at a time: the encoder holds the interpreter's lock until it is done.
    return b",".join(_item(describe(row)) for row in rows)


def _item(item: BaseModel | dict[str, Any]) -> bytes:
    if isinstance(item, BaseModel):
        return item.model_dump_json(by_alias=True).encode()
    return json_bytes(item)
