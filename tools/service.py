"""A real `openhours serve` on a port of its own, as a user starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from tools.zygote import Forked, Zygote

STARTUP = 60.0
_SERVE = ("-m", "openhours.cli", "serve")
_MAIN = "from openhours.cli.main import main; main()"


class Service:
    """Started by `start` or `with`; `kill` is kill -9. The log of all its lives is in `log`."""

    # How it is started; `{port}` is filled. `openhours serve` runs some Python of a test before.
    command: tuple[str, ...] = _SERVE
    prelude = ""
    # Forks the processes of who starts so many that it matters.
    zygote: Zygote | None = None

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "OPENHOURS_PORT": str(self.port), **environment}
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.log = folder / f"service-{self.port}.log"
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def start(self) -> Self:
        """Start the server and return when it is healthy."""
        self.launch()
        self.wait_until_it_answers()
        return self

    def launch(self) -> None:
        """Start the server."""
        if self.zygote is not None and self.command == _SERVE:
            self.process = self.zygote.start(
                list(_SERVE[2:]),
                self.environment,
                self.folder,
                prelude=self.prelude,
                stdout=self.log,
                stderr=self.log,
            )
            return
        command = self.command
        if self.prelude:
            command = ("-c", f"{self.prelude}\n{_MAIN}", *_SERVE[2:])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(part.format(port=self.port) for part in command)],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def wait_until_it_answers(self) -> None:
        """Return when the service is healthy; raise AssertionError with its log."""
        assert self.process is not None
        for _ in tries(STARTUP):
            if self.process.poll() is not None:
                break
            with suppress(httpx.TransportError):
                if self.client.get("/health").status_code == 200:
                    return
        raise AssertionError(f"the service did not start:\n{self.story()}")

    def story(self) -> str:
        """Return what the service has logged."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """Kill the server with -9, as the kernel does when memory is out."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server as a user does."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.client.close()

    def upload(self, kind: str, content: bytes, **headers: str) -> dict[str, Any]:
        """Ingest a file, wait until it is complete or failed, and return its description."""
        answer = self.client.post(f"/ingest/{kind}", content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        return self.wait_ingestion(answer.json()["ingestion_id"])

    def wait_ingestion(self, ingestion_id: str, timeout: float = 60) -> dict[str, Any]:
        for _ in tries(timeout):
            ingestion: dict[str, Any] = self.client.get(f"/ingestions/{ingestion_id}").json()
            if ingestion["state"] in ("complete", "failed"):
                return ingestion
        raise AssertionError(f"still {ingestion}:\n{self.log.read_text()}")

    def trigger(self, **options: object) -> str:
        answer = self.client.post("/trigger_report", json=options or None)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["report_id"])

    def wait_report(
        self, report_id: str, timeout: float = 60, params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Poll as a client does until the report is complete or failed; return the answer."""
        for _ in tries(timeout):
            answer = self.client.get(
                "/get_report", params={"report_id": report_id, **(params or {})}
            )
            if answer.headers.get("X-Report-Status") != "Running":
                return answer
            assert answer.json()["status"] == "Running"
        raise AssertionError(f"still running:\n{self.log.read_text()}")


def tries(timeout: float) -> Iterator[None]:
    """Yield again and again for `timeout` seconds; pauses grow from 20 to 250 ms.

    Asking more often would slow down what is waited for.
    """
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < timeout:
        yield
        time.sleep(min(max(elapsed / 10, 0.02), 0.25))


def workers_of(service: Service) -> list[psutil.Process]:
    """Return the workers of a service: of the processes below it, those with their own session."""
    assert service.process is not None
    below = psutil.Process(service.process.pid).children(recursive=True)
    return [one for one in below if os.getsid(one.pid) == one.pid]


def children_of(worker: psutil.Process) -> list[psutil.Process]:
    """Return the processes in which a worker computes and loads: those that its server forked."""
    return [child for server in worker.children() for child in server.children()]
