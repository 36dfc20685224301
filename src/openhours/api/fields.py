"""Types of fields that several routes share."""

from typing import Annotated

from pydantic import AfterValidator
from starlette.convertors import PathConvertor, register_url_convertor

# The bounds of PostgreSQL's bigint.
INT8 = 2**63


def check_text(value: str) -> str:
    """Return the text; raise ValueError for what PostgreSQL cannot store: NUL and surrogates."""
    if "\0" in value:
        raise ValueError("must not contain NUL")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("must be valid Unicode, without lone surrogates")
    return value


# Every text that a client sends. With a length: `Annotated[Text, Field(max_length=64)]`.
Text = Annotated[str, AfterValidator(check_text)]


class _AnyText(PathConvertor):
    """Match any text in a path, slashes and line ends too, which Starlette's `path` does not."""

    regex = "(?s:.*)"


# `{store_id:text}` in a route's path.
register_url_convertor("text", _AnyText())
