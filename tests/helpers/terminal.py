"""A command typed into a terminal of its own, in a checkout where nothing is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import venv
from pathlib import Path
from typing import Self

import psutil
from tools.service import Service
from tools.zygote import bare_environment

from tests.helpers.waiting import wait_for

ROOT = Path(__file__).parents[2]


def make_checkout(folder: Path) -> Path:
    """Copy what a checkout runs into `folder`, beside a virtual environment; its Python.

    The environment has the requirements, but not openhours.
    """
    for name in ("src", "alembic"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.egg-info"))
    return make_environment(folder / ".venv")


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with what this one has, save what is installed editable."""
    venv.create(folder, symlinks=True)
    packages = Path(
        sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    )
    # A folder that is named in a .pth file is searched, but its own .pth files are not read: they
    # are what makes an editable checkout importable.
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / Path(sys.executable).name


class Terminal(Service):
    """A service that is started by `command`, and ended by Ctrl-C."""

    def __init__(self, folder: Path, cwd: Path, *command: str | Path) -> None:
        super().__init__(folder)
        port = str(self.port)
        own = {"OPENHOURS_PORT": port, "PORT": port, "UVICORN_PORT": port}
        self.environment = bare_environment() | own
        self._cwd = cwd
        self._command = command
        self._keyboard = -1

    def start(self) -> Self:
        """Type the command, and wait until the service answers."""
        self._keyboard, terminal = os.openpty()
        # The first terminal that the leader of a new session opens is the session's own.
        typed = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(terminal), *self._command]
        self.process = subprocess.Popen(
            typed, cwd=self._cwd, env=self.environment, start_new_session=True
        )
        threading.Thread(target=self._write_log, daemon=True).start()
        try:
            self.wait_until_it_answers()
        finally:
            # Not before the command has opened it: without any, there is nothing more to read.
            os.close(terminal)
        return self

    def typed(self, *command: str | Path) -> str:
        """Return what another command prints that is typed in the same folder."""
        done = subprocess.run(
            command,
            cwd=self._cwd,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
        )
        return done.stdout

    def press_ctrl_c(self) -> None:
        """Send SIGINT to the foreground process group, as a terminal does, and wait for the end."""
        assert self.process is not None
        os.write(self._keyboard, b"\x03")
        self.process.wait(60)
        self.process = None

    def stop(self) -> None:
        """End what a failed test has left running."""
        for process in self.processes():
            process.kill()

    def processes(self) -> list[psutil.Process]:
        """Return the processes that work in this service's folder, its database's too."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process)
            except psutil.Error:  # it has just ended, or is another user's
                continue
        return found

    def expect_no_process(self) -> None:
        """Raise AssertionError if any process is left a moment after the command has ended."""
        wait_for(lambda: not self.processes(), 5, lambda: f"{self.processes()}\n{self.story()}")

    def _write_log(self) -> None:
        with self.log.open("ab") as log:
            try:
                while text := os.read(self._keyboard, 65536):
                    log.write(text)
                    log.flush()
            except OSError:  # nobody holds the other end any more
                pass
