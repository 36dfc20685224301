"""The identity of a machine: jobs whose file lies in a data directory belong to its workers."""

import os
import secrets
from functools import cache
from pathlib import Path


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
        data_dir.mkdir(parents=True, exist_ok=True)
        own = file.with_name(f"machine-id.{os.getpid()}")
        own.write_text(secrets.token_hex(8))
        try:
            os.link(own, file)  # of two processes at once, one wins
        except FileExistsError:
            pass
        finally:
            own.unlink()
        return file.read_text().strip()
