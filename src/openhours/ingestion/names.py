"""Names of files, which their senders choose freely, as text that is safe to store and to show."""

import os
import unicodedata
from pathlib import Path


def storable(name: str | Path) -> str:
    """Return a name as PostgreSQL can store it: bytes that are not UTF-8 as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def printable(name: str | Path) -> str:
    """Return a name for lists, logs and terminals: control characters escaped, as `\\x1b`.

    So are those that change the direction of text, and line ends of any kind.
    """
    return "".join(
        character.encode("unicode_escape").decode() if _controls(character) else character
        for character in storable(name)
    )


def _controls(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("C") or category in ("Zl", "Zp")
