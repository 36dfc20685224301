"""The audit log: a line for every sign-in, every failure, every key made or revoked.

The logger `openhours.audit` writes at INFO, whatever OPENHOURS_LOG_LEVEL says. A line never holds
a secret. Names that no user has are left out: they may be a password in the wrong field.
"""

import getpass
import json
import logging
import os

_log = logging.getLogger("openhours.audit")
_log.setLevel(logging.INFO)
_MAX_LENGTH = 200


def audit(action: str, *, who: str, where: str, outcome: str) -> None:
    """Log who tried what, from where, and what came of it."""
    if not _log.hasHandlers():  # started by uvicorn, which sets up its own loggers alone
        _log.addHandler(logging.StreamHandler())
    _log.info(
        "%s who=%s from=%s outcome=%s", action, _quoted(who), _quoted(where), _quoted(outcome)
    )


def operator() -> str:
    """Return who runs a command on this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in containers
        return str(os.getuid())


def _quoted(text: str) -> str:
    # JSON escapes control characters and, in ASCII, whatever else could pretend to be a new line.
    return json.dumps(text[:_MAX_LENGTH] or "unknown")
