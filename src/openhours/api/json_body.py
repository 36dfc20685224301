"""JSON bodies, read once and checked by their model; errors name the path of the field."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from openhours.errors import UnsupportedMedia

_SHOWN_DEPTH = 8
# What takes longer the more there is of it: problems that are listed, bytes before a place.
_MAX_PROBLEMS = 1000
_MAX_BEFORE = 16 << 10
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
    """Return the body as its model. Raise what `parse_json` raises."""
    return parse_json(request, await request.body(), model.model_validate_json)


def parse_json(request: Request, body: bytes, validate: Callable[[bytes], Parsed]) -> Parsed:
    """Return what Pydantic makes of the body: parsed and checked in one step.

    Raise UnsupportedMedia for another content type, RequestValidationError for a bad body.
    """
    if not _says_json(request.headers.get("content-type", "")):
        # What a form on another site can send is refused: it would come with the visitor's
        # cookies and from inside their network.
        raise UnsupportedMedia("send JSON, with Content-Type: application/json")
    try:
        return validate(body)
    except ValidationError as error:
        raise _invalid(error, body) from None


def _invalid(error: ValidationError, body: bytes) -> RequestValidationError:
    """Return the error with the path of each problem: `body`, then the names that lead to it."""
    count = error.error_count()
    if count > _MAX_PROBLEMS:
        too_many = f"{count:,} fields cannot be accepted, too many to list"
        return RequestValidationError([{"loc": ("body",), "msg": too_many, "type": "value_error"}])
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        place: tuple[int | str, ...] = problem["loc"]
        spot = _SPOT.search(problem["msg"])
        if problem["type"] == "json_invalid" and spot:
            place = _place(body, int(spot[1]), int(spot[2]))
        problems.append({"loc": ("body", *place), "msg": problem["msg"], "type": problem["type"]})
    return RequestValidationError(problems)


def _says_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )


def _place(body: bytes, line: int, column: int) -> tuple[int | str, ...]:
    """Return the names and positions that lead to where the parser gave up, if it is not far."""
    beginning = body[:_MAX_BEFORE]
    lines = beginning.split(b"\n", line - 1)
    start = len(beginning) - len(lines[-1])
    if len(lines) < line or start + column > _MAX_BEFORE:
        return ()
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
