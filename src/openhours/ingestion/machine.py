"""Names of the jobs that belong to one machine, because its files lie there.

A machine is whoever shares a data directory. Objects can be fetched by all machines.
"""

from openhours.db.machine import machine_id
from openhours.objects import SCHEME, S3Folder
from openhours.settings import Settings

# Of a file that all machines can fetch.
_SHARED = "ingest"


def ingest_job(settings: Settings, path: str) -> str:
    """Return the name of the job that loads a file of this machine, or an object."""
    return _SHARED if path.startswith(SCHEME) else _own(settings)


def ingest_jobs(settings: Settings) -> list[str]:
    """Return the names of the jobs by which this machine's workers load files."""
    has_store = isinstance(settings.inbox, S3Folder) or settings.uploads is not None
    return [_own(settings), *([_SHARED] if has_store else [])]


def scan_job(settings: Settings) -> str:
    """Return the name of the schedule that scans this machine's inbox."""
    return f"inbox@{machine_id(settings.data_dir)}"


def _own(settings: Settings) -> str:
    return f"ingest@{machine_id(settings.data_dir)}"
