"""Names of the jobs that belong to one machine, because its files lie there.

A machine is whoever shares a data directory. Uploads in an object store are everybody's.
"""

from openhours.db.machine import machine_id
from openhours.objects import SCHEME
from openhours.settings import Settings

_SHARED = "ingest"


def is_shared(path: str, *, uploaded: bool) -> bool:
    """Return whether any machine may load the file. An inbox, a bucket too, is one machine's."""
    return uploaded and path.startswith(SCHEME)


def ingest_job(settings: Settings, path: str, *, uploaded: bool) -> str:
    """Return the name of the job that loads a file."""
    return _SHARED if is_shared(path, uploaded=uploaded) else _own(settings)


def ingest_jobs(settings: Settings) -> list[str]:
    """Return the names of the jobs by which this machine's workers load files."""
    return [_own(settings), _SHARED]


def scan_job(settings: Settings) -> str:
    """Return the name of the schedule that scans this machine's inbox."""
    return f"inbox@{machine_id(settings.data_dir)}"


def _own(settings: Settings) -> str:
    return f"ingest@{machine_id(settings.data_dir)}"
