"""The secret that signs tokens: from the settings, or made once in the data directory."""

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from openhours.db.machine import make_data_dir
from openhours.settings import Settings

_NAME = "secret"


def signing_key(settings: Settings) -> str:
    """Return OPENHOURS_SECRET, or the content of `secret` in OPENHOURS_DATA_DIR, made if missing.

    All processes that share the folder get the same one, however they start together.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    path = secret_file(settings)
    if not path.exists():
        _make(path)
    return path.read_text()


def secret_file(settings: Settings) -> Path:
    """Return where the secret lies, unless OPENHOURS_SECRET is set."""
    return settings.data_dir.resolve() / _NAME


def derived_key(settings: Settings, purpose: str) -> bytes:
    """Return a key for one purpose, of which nothing about another's can be told."""
    return hmac.digest(signing_key(settings).encode(), f"openhours {purpose}".encode(), "sha256")


def _make(path: Path) -> None:
    make_data_dir(path.parent)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        # A link is made whole or not at all: who comes second finds the first one's secret.
        with suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        Path(unfinished).unlink()
