"""A process that has loaded openhours, and forks commands: starting one takes a tenth as long.

tests ---- {"args", "environment", "folder", "streams"} ---> zygote ---fork---> openhours serve
      <--------------------- pid ---------------------------
"""

import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import _IncludedRouter
from pydantic import ValidationError

import openhours
from openhours.api.dependencies import SETTINGS
from openhours.cli.output import import_without_threads
from openhours.settings import get_settings

_MAX_MESSAGE = 1 << 20
_RUNS_WHEN_IMPORTED = "openhours.cli.__main__"
# Settings that applications are not made of: they are read when one starts.
_READ_LATER = {"database_url", "data_dir", "inbox", "port", "processes", "worker"}


_OURS = ("OPENHOURS_", "DATABASE_URL", "DB_URL", "PYTHONPATH")


def bare_environment() -> dict[str, str]:
    """Return the environment of somebody who has never heard of openhours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


class Zygote:
    """The process, from the side of who starts servers; it ends with its owner."""

    def __init__(self) -> None:
        self._end, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "tools.zygote", str(other.fileno())]
        root = Path(__file__).parents[1]
        subprocess.Popen(command, pass_fds=[other.fileno()], cwd=root, env=bare_environment())
        other.close()

    def start(
        self,
        args: list[str],
        environment: dict[str, str],
        folder: Path,
        *,
        prelude: str = "",
        stdin: Path = Path(os.devnull),
        stdout: Path,
        stderr: Path,
    ) -> "Forked":
        """Start `openhours` with these arguments; its output is appended to these files.

        prelude: Python that the process runs before
        """
        streams = [str(path) for path in (stdin, stdout, stderr)]
        request: dict[str, Any] = {"args": args, "environment": environment, "folder": str(folder)}
        request |= {"prelude": prelude, "streams": streams}
        return Forked(self, int(self.ask(request)))

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the answer to a request."""
        with self._lock:
            self._end.send(json.dumps(request).encode())
            if not (answer := self._end.recv(_MAX_MESSAGE)):
                raise RuntimeError("the process that forks services has ended")
            return json.loads(answer)


class Forked:
    """A process that the zygote forked, as far as it is like a `subprocess.Popen`."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote = zygote
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._zygote.ask({"wait": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Return the exit code once it has ended; raise TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("openhours", timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)


def _load() -> FastAPI:
    """Load all of openhours; return an application that has prepared its routes.

    FastAPI prepares them at the first request: a third of what a start takes.
    """
    os.chdir("/")  # no .env of the developer's: the application has the default settings
    for module in pkgutil.walk_packages(openhours.__path__, "openhours."):
        if module.name != _RUNS_WHEN_IMPORTED:
            importlib.import_module(module.name)
    app: FastAPI = importlib.import_module("openhours.app").app
    for route in app.router.routes:
        if isinstance(route, _IncludedRouter):
            route.effective_candidates()
    gc.collect()
    gc.freeze()
    return app


def _answer(end: socket.socket) -> dict[str, Any] | None:
    """Answer until the owner is gone, None; in a forked process return what it was asked for."""
    while message := end.recv(_MAX_MESSAGE):
        request: dict[str, Any] = json.loads(message)
        if "wait" in request:
            pid, status = os.waitpid(request["wait"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                return request
        end.send(json.dumps(answer).encode())
    return None


def _become(request: dict[str, Any], app: FastAPI) -> None:
    """Be a process that was started with these arguments in this environment.

    It has the application, unless it has settings that applications differ by.
    """
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, path in enumerate(request["streams"]):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY
        descriptor = os.open(path, flags, 0o644)
        os.dup2(descriptor, number)
        os.close(descriptor)
    random.seed()
    sys.argv = ["openhours", *request["args"]]
    _set_up(app)
    exec(request["prelude"])


def _set_up(app: FastAPI) -> None:
    """Give the application its settings; forget it if it would be another one with them."""
    get_settings.cache_clear()
    with suppress(ValidationError):  # `serve` says what is wrong
        settings, default = get_settings(), SETTINGS.of(app)
        if settings.model_dump(exclude=_READ_LATER) == default.model_dump(exclude=_READ_LATER):
            SETTINGS.set(app, settings)
        else:
            del sys.modules["openhours.app"]


def main() -> None:
    """Load, then fork until the owner is gone."""
    end = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner
    import_without_threads()
    app = _load()
    request = _answer(end)
    if request is None:
        return
    end.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _become(request, app)
    importlib.import_module("openhours.cli.main").main()


if __name__ == "__main__":
    main()
