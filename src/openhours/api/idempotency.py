"""`Idempotency-Key`: how requests with one key are told apart, and for how long."""

import hashlib
import json
from datetime import timedelta

from openhours.errors import Invalid, invalid

# A key means the same request for so long.
LIFETIME = timedelta(hours=24)


def digest_of(request: object) -> bytes:
    """Return the hash of a request's content (JSON values)."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()


def sent_with_another_request() -> Invalid:
    """Return the error for a key that came before with another request."""
    return invalid("the key was sent before with another request", "header", "Idempotency-Key")
