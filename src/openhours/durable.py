"""Files that must survive a power cut."""

import os
from pathlib import Path
from typing import IO, Any


def to_disk(file: IO[Any], folder: Path) -> None:
    """Return when all that was written to a file is on disk, and its name in `folder`, too."""
    file.flush()
    os.fsync(file.fileno())
    parent = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
