"""The data directory, and its machine's identity: jobs with a file there are its workers'."""

import ipaddress
import os
import secrets
from functools import cache
from pathlib import Path

from openhours.errors import SettingsError


def make_data_dir(data_dir: Path) -> Path:
    """Return the folder with its full path, made if there is none. Raise SettingsError."""
    folder = data_dir.resolve()
    reason = "read-only, or another user's"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(
            f"the data folder {folder} cannot be written: {reason}; "
            "set OPENHOURS_DATA_DIR to another"
        )
    return folder


def unfinished_restore(data_dir: Path) -> Path:
    """Return the file that a restore into the data directory makes first, and removes last."""
    return data_dir.resolve() / "restore-unfinished"


def refuse_unfinished_restore(data_dir: Path) -> None:
    """Raise SettingsError if a restore into the data directory was killed."""
    if unfinished_restore(data_dir).exists():
        raise SettingsError(
            f"a restore into {data_dir.resolve()} did not finish: remove this folder, empty the "
            "database that DATABASE_URL names, if it is set, and restore again"
        )


def machine_id(data_dir: Path) -> str:
    """Return the id of the data directory, made if there is none; behind the `@` of a job's name.

    All processes that share the folder get the same one, however they start together.
    """
    return _read_or_make(data_dir.resolve())


@cache
def _read_or_make(data_dir: Path) -> str:
    file = data_dir / "machine-id"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        make_data_dir(data_dir)
        own = file.with_name(f"machine-id.{os.getpid()}")
        own.write_text(secrets.token_hex(8))
        try:
            os.link(own, file)  # of two processes at once, one wins
        except FileExistsError:
            pass
        finally:
            own.unlink()
        return file.read_text().strip()


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
