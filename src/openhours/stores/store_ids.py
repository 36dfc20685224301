"""Store ids: which are allowed."""

import re
from typing import Literal

MAX_LENGTH = 64  # characters
# Means every polled store, in special hours; everywhere else it is reserved.
EVERY = "*"
# A spreadsheet's idea of a long number.
_MANGLED = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE]\+[0-9]+")

StoreIdProblem = Literal["missing_store_id", "mangled_store_id"]


def store_id_problem(store_id: str) -> StoreIdProblem | None:
    """Return what is wrong with a store id, or None."""
    # Too long counts as missing: no store can have this id.
    if not store_id or store_id.isspace() or len(store_id) > MAX_LENGTH:
        return "missing_store_id"
    return "mangled_store_id" if _MANGLED.fullmatch(store_id) else None
