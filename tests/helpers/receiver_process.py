"""A receiver of webhooks as a program of its own, which can be killed.

It refuses the first five requests. The one after these it deals with, and says nothing more: then
it is to be killed. Started again, it knows what it has dealt with from its file.
"""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.helpers.waiting import wait_for
from tests.helpers.webhook_receiver import Answer, Received, Receiver

_REFUSED = 5
ROOT = Path(__file__).parents[2]


class ReceiverProcess:
    """Runs while it is used in `with`; `lines` is what it wrote down, a word and an id each."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "dealt-with"
        self._file.touch()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/hooks"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def lines(self) -> list[str]:
        return self._file.read_text().splitlines()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.helpers.receiver_process"]
        self._process = subprocess.Popen([*command, str(self._port), str(self._file)], cwd=ROOT)
        wait_for(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(20)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def main() -> None:
    """Receive until killed."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])

    def answer(got: Received) -> Answer:
        known = file.read_text().splitlines()
        word = "dealt" if len(known) >= _REFUSED else "refused"
        if f"dealt {got.webhook_id}" in known:
            word = "known"
        with file.open("a") as written:
            written.write(f"{word} {got.webhook_id}\n")
        if word == "dealt":
            time.sleep(60)
        return Answer(503) if word == "refused" else Answer()

    with Receiver(port) as receiver:
        receiver.answer = answer
        signal.pause()


if __name__ == "__main__":
    main()
