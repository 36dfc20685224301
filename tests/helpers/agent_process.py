"""A real `openhours agent` process, and a small real server that answers as a test says."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.helpers.waiting import wait_for

# The same program with less patience: pauses of 0.3 s at most, and 2 s for an answer.
_HASTY = """
from openhours import remote
from openhours.agent import sender
from openhours.cli.main import main
sender.TIMEOUT = 2.0
remote._MAX_PAUSE = 0.3
main()
"""


class AgentProcess:
    """Started by `with`; ended by SIGTERM. Its state is in `folder`, its words in `said`."""

    def __init__(
        self, folder: Path, server: str, *options: str, name: str = "joe-pc", hasty: bool = True
    ) -> None:
        self.folder = folder
        self.queue = folder / "openhours" / f"{name}.db"
        self._said = folder / "agent.log"
        self._command = [sys.executable, *(("-c", _HASTY) if hasty else ("-m", "openhours.cli"))]
        self._command += ["agent", "--server", server, "--name", name, *options]
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder)}
        with self._said.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; the exit code."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(20)

    @property
    def said(self) -> list[str]:
        """The lines it printed, without their times."""
        return [line[20:] for line in self._said.read_text().splitlines()]

    def wait_until_said(self, text: str, timeout: float = 20) -> None:
        wait_for(lambda: any(text in line for line in self.said), timeout, self._said.read_text)

    def queued(self) -> list[tuple[str, str]]:
        """(event_time, beat_id) of the beats that wait, once the process has ended."""
        return self._ask("SELECT event_time, beat_id FROM beats WHERE refused IS NULL")

    def beaten(self) -> int:
        """How many beats there ever were, once the process has ended: SQLite counts them."""
        [(count,)] = self._ask("SELECT seq FROM sqlite_sequence WHERE name = 'beats'")
        return int(count)

    def _ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.queue)) as database:
            return database.execute(query).fetchall()


class ScriptedServer:
    """Answers each POST with the next step of `script`, then takes everything with 201."""

    def __init__(self, *script: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self._script = list(script)
        self.asked: list[tuple[float, str | None]] = []  # when, and with which Authorization
        self.taken: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        beats = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        assert handler.path == "/track/batch"
        self.asked.append((time.monotonic(), handler.headers["Authorization"]))
        if self._script:
            self._script.pop(0)(handler)
        else:
            self.taken += beats
            reply(201, json.dumps(beats))(handler)


def reply(code: int, text: str = "", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A step: answer so."""

    def step(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return step


def hang(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """A step: say nothing for so long, then hang up."""
    return lambda _handler: time.sleep(seconds)
