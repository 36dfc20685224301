"""Files that must survive a power cut."""

import os
from pathlib import Path
from typing import IO, Any


def to_disk(file: IO[Any], folder: Path) -> None:
    """Return when all that was written to a file is on disk, and its name in `folder`, too."""
    file.flush()
    os.fsync(file.fileno())
    names_to_disk(folder)


def names_to_disk(folder: Path) -> None:
    """Return when the names of the files in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
