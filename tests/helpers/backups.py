"""Backups, made and restored in this process."""

import asyncio
from pathlib import Path

from openhours.backup.make import Made, make
from openhours.backup.restore import Restored, restore
from openhours.settings import Settings


def back_up(settings: Settings, file: Path) -> Made:
    return asyncio.run(make(settings, file, _tell_nobody))


def restore_to(settings: Settings, file: Path) -> Restored:
    return asyncio.run(restore(settings, file, _tell_nobody))


def _tell_nobody(*_: int) -> None:
    pass
