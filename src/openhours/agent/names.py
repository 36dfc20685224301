"""What a PC may be called: the same for the server and for the agent."""

import re

PREFIX = "pc:"  # its store's id is this and its name
LONGEST = 64 - len(PREFIX)
NO_CONTROL = r"^[^\u0000-\u001f\u007f-\u009f]+$"


def is_name(name: str) -> bool:
    """Whether a PC may have this name."""
    return len(name) <= LONGEST and re.fullmatch(NO_CONTROL, name) is not None
