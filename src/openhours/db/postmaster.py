"""Which process is the embedded server: `postmaster.pid` may be stale, or a copy's.

A killed server leaves the file behind, and its process id soon belongs to another process. A copy
of a folder that was made while the server ran names the server of the original. So neither the
file nor the id is believed, but the process: PostgreSQL works inside its data directory.
"""

from pathlib import Path

import psutil


def live(folder: Path) -> psutil.Process | None:
    """Return the server that `postmaster.pid` names, if it lives and serves this very folder."""
    lines = _lines(folder)
    try:
        process = psutil.Process(int(lines[0]))
        ours = _is_same(lines[1], folder) and _works_in(process, folder)
    except (IndexError, ValueError, OverflowError, psutil.Error):
        return None
    return process if ours else None


def strays(folder: Path) -> list[psutil.Process]:
    """Return the processes of PostgreSQL in the folder, if no live server of it is known.

    The children of a killed server may live on for a moment, and write.
    """
    if live(folder) is not None:
        return []
    return [process for process in psutil.process_iter() if _works_in(process, folder)]


def forget(folder: Path) -> None:
    """Remove what a server that is gone has left; nothing may run in the folder.

    PostgreSQL does so itself, but not where another process has the dead one's id by now.
    """
    lines = _lines(folder)
    if len(lines) > 1 and not _is_same(lines[1], folder):
        # A copy: those who use the original do not use it.
        (folder / ".handle_pids.json").unlink(missing_ok=True)
    for left in (folder / "postmaster.pid", *folder.glob(".s.PGSQL.*")):
        left.unlink(missing_ok=True)


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _is_same(named: str, folder: Path) -> bool:
    try:
        return Path(named).samefile(folder)
    except (OSError, ValueError):
        return False


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        # Of a process of another user the folder is not told: it is none of ours.
        return process.name() == "postgres" and Path(process.cwd()).samefile(folder)
    except (OSError, psutil.Error):
        return False
