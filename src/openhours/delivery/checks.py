"""What can be told of the settings before anything starts."""

import tempfile
from pathlib import Path

from openhours.delivery.schedule import options_of
from openhours.errors import SettingsError
from openhours.objects import S3Folder
from openhours.settings import Settings


def check(settings: Settings) -> None:
    """Raise SettingsError if files cannot be fetched or kept, or reports be written or asked for.

    The outbox is made if there is none; object stores are not asked.
    """
    for folder in (settings.inbox, settings.outbox, settings.uploads):
        if isinstance(folder, S3Folder):
            folder.check()
    if settings.uploads is not None and settings.uploads in (settings.inbox, settings.outbox):
        raise SettingsError(
            f"{settings.uploads}: OPENHOURS_UPLOADS needs a folder of its own, which is neither the"
            " inbox nor the outbox"
        )
    if isinstance(settings.outbox, Path):
        _check_folder(settings.outbox)
    if settings.report_cron is not None:
        options_of(settings)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".openhours-"):
            pass
    except OSError as error:
        raise SettingsError(
            f"the outbox {folder.absolute()} cannot be written: {error.strerror or error}; "
            "set OPENHOURS_OUTBOX to another folder"
        ) from None
