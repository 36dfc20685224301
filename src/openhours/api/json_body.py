"""A JSON body, read once and checked by its model; what is wrong is named by its place in it."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

# Room for every honest body of a single visit or event; more is refused while it arrives.
MOST_BYTES = 1 << 20
# PostgreSQL's text and jsonb cannot hold NUL.
NO_NUL = r"^[^\x00]*$"
# Any int8 of the database.
INT8 = 2**63

_SHOWN_DEPTH = 8
_SPOT = re.compile(r"at line (\d+) column (\d+)$")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[{}\[\],:]', re.DOTALL)

Model = TypeVar("Model", bound=BaseModel)
Parsed = TypeVar("Parsed")


def json_body(schema: dict[str, Any], example: object, required: bool = True) -> dict[str, Any]:
    """Return the OpenAPI description of a body that `read_json` or `parse_json` reads."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def json_example(example: object) -> dict[str, Any]:
    """Return what to add to the OpenAPI description of a body that FastAPI reads."""
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body as its model; raises what `read_body` and `parse_json` raise."""
    return parse_json(request, await read_body(request), model.model_validate_json)


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """The body's bytes. Raises HTTPException 413 for more than `most`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"the body is larger than {most} bytes")
    return bytes(body)


def parse_json(request: Request, body: bytes, validate: Callable[[bytes], Parsed]) -> Parsed:
    """What Pydantic makes of the body: parsed and checked in one step, no Python objects between.

    Raises HTTPException 415 for another content type, and RequestValidationError for a bad body.
    """
    if not _says_json(request.headers.get("content-type", "")):
        # What a form on a foreign page can send is not taken: it would come with the visitor's
        # cookies and from inside his network.
        raise HTTPException(415, "send JSON, with Content-Type: application/json")
    try:
        return validate(body)
    except ValidationError as error:
        raise _invalid(error, body) from None


def _invalid(error: ValidationError, body: bytes) -> RequestValidationError:
    """The error with the place of each problem: `body`, then the names that lead to it."""
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        place: tuple[int | str, ...] = problem["loc"]
        spot = _SPOT.search(problem["msg"])
        if problem["type"] == "json_invalid" and spot:
            place = _place(body, int(spot[1]), int(spot[2]))
        problems.append({"loc": ("body", *place), "msg": problem["msg"], "type": problem["type"]})
    return RequestValidationError(problems)


def invalid_field(*place: str | int, message: str) -> RequestValidationError:
    """The error for a field of the body that its model alone cannot judge."""
    return RequestValidationError(
        [{"loc": ("body", *place), "msg": message, "type": "value_error"}]
    )


def _says_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )


def _place(body: bytes, line: int, column: int) -> tuple[int | str, ...]:
    """The names and positions that lead to a spot where the parser gave up."""
    start = 0
    for _ in range(line - 1):
        start = body.find(b"\n", start) + 1
    path: list[int | str] = []
    text = b""
    for found in _TOKEN.finditer(body, 0, start + column):
        token = found[0]
        if token == b"{":
            path.append("")
        elif token == b"[":
            path.append(0)
        elif token in (b"}", b"]"):
            del path[-1:]
        elif token == b"," and path and isinstance(path[-1], int):
            path[-1] += 1
        elif token == b":" and path and isinstance(path[-1], str):
            path[-1] = text[1:-1].decode(errors="replace")
        else:
            text = token
    return tuple(name for name in path[:_SHOWN_DEPTH] if name != "")
