"""Names of PCs: one rule for the server and the agent."""

import re

PREFIX = "pc:"  # its store's id is this and its name
MAX_LENGTH = 64 - len(PREFIX)
NO_CONTROL = r"^[^\u0000-\u001f\u007f-\u009f]+$"


def is_name(name: str) -> bool:
    """Return whether a PC may have this name."""
    return len(name) <= MAX_LENGTH and re.fullmatch(NO_CONTROL, name) is not None
