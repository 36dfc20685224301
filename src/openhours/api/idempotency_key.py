"""The header `Idempotency-Key`, as a parameter of routes."""

from typing import Annotated

from fastapi import Header

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
