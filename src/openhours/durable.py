"""Files that must survive a power cut."""

import os
from pathlib import Path


def to_disk(descriptor: int, folder: Path) -> None:
    """Return when an open file is on disk, and its name in `folder`, too."""
    os.fsync(descriptor)
    parent = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
