"""A bash in which a test types, as a reader does: variables and background jobs stay."""

import os
import re
import secrets
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.helpers.waiting import wait_for

_TIMEOUT = 60.0


class Shell:
    """`run` returns when the command has ended, `start` at once; leaving ends what was started."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._started: list[Started] = []
        self._log = folder / f"shell-{secrets.token_hex(4)}.log"
        with self._log.open("ab") as log:
            self._bash = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
            )
        self._type("set -m")  # jobs in process groups of their own, as in a terminal

    def run(self, command: str) -> tuple[int, list[str]]:
        """Return the exit code and the output, errors among it."""
        done = secrets.token_hex(8)
        begin = self._log.stat().st_size
        self._type(f"{{ {command}\n}} </dev/null; printf '\\n%s %s\\n' {done} $?")
        pattern = re.compile(rf"\n{done} (\d+)\n")

        def said() -> str:
            with self._log.open("rb") as log:
                log.seek(begin)
                return log.read().decode()

        wait_for(lambda: pattern.search(said()) is not None, _TIMEOUT, said)
        text = said()
        end = pattern.search(text)
        assert end is not None
        return int(end[1]), text[: end.start()].strip("\n").splitlines()

    def start(self, command: str) -> "Started":
        """Run the command in the background, its output in a file."""
        log = self._log.with_name(f"{self._log.stem}-{len(self._started)}.log")
        log.touch()
        code, (pid, *_) = self.run(f"( {command} ) >>{log} 2>&1 & echo $!")
        assert code == 0
        self._started.append(Started(int(pid), log))
        return self._started[-1]

    def _type(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{line}\n")
        self._bash.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in reversed(self._started):
            one.interrupt()
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        self._bash.wait(_TIMEOUT)


class Started:
    """A command that runs in the background, in a process group of its own."""

    def __init__(self, group: int, log: Path) -> None:
        self._group = group
        self._log = log

    def output(self) -> str:
        """Return what it has said so far."""
        return self._log.read_text()

    def interrupt(self) -> None:
        """Press Ctrl-C and wait for its end."""
        if self.is_alive():
            os.killpg(self._group, signal.SIGINT)
            wait_for(lambda: not self.is_alive(), _TIMEOUT, self.output)

    def is_alive(self) -> bool:
        """Return whether any process of it is left."""
        try:
            os.killpg(self._group, 0)
        except ProcessLookupError:
            return False
        return True
