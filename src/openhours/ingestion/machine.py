"""Names of the jobs that belong to one machine, because its files lie there.

A machine is whoever shares a data directory.
"""

from openhours.db.machine import machine_id
from openhours.settings import Settings


def ingest_job(settings: Settings) -> str:
    """Return the name of the job that loads a file; workers of this machine alone take it."""
    return f"ingest@{machine_id(settings.data_dir)}"


def scan_job(settings: Settings) -> str:
    """Return the name of the schedule that scans this machine's inbox."""
    return f"inbox@{machine_id(settings.data_dir)}"
