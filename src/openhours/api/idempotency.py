"""`Idempotency-Key`: the header, and how requests with one key are told apart."""

import hashlib
import json
from datetime import timedelta
from typing import Annotated

from fastapi import Header

from openhours.errors import Invalid, invalid

# A key means the same request for so long.
LIFETIME = timedelta(hours=24)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Sent again with the same key within 24 hours, a request gets the same answer.",
    ),
]


def digest_of(request: object) -> bytes:
    """Return the hash of a request's content (JSON values)."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()


def sent_with_another_request() -> Invalid:
    """Return the error for a key that came before with another request."""
    return invalid("the key was sent before with another request", "header", "Idempotency-Key")
