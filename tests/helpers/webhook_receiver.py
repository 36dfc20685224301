"""A receiver of webhooks as somebody else would write it: it checks what Standard Webhooks says."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Received(NamedTuple):
    """One request whose signature is right."""

    webhook_id: str
    content: Any
    headers: dict[str, str]


class Answer(NamedTuple):
    """What the receiver answers."""

    status: int = 204
    headers: dict[str, str] = {}  # noqa: RUF012  nobody changes it
    body: bytes = b""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: senders are killed."""


class Receiver:
    """Listens while it is used in `with`; `answer` says what is answered, and may wait."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.refused: list[str] = []
        self.answer: Callable[[Received], Answer] = lambda _: Answer()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                problem = receiver.problem_of(headers, body)
                if problem is not None:
                    receiver.refused.append(problem)
                    self.send_error(400, problem)
                    return
                got = Received(headers["webhook-id"], json.loads(body), headers)
                receiver.received.append(got)
                answer = receiver.answer(got)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def do_GET(self) -> None:
                receiver.refused.append("GET")
                self.send_error(405)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hooks/openhours?token=s3cret"

    @staticmethod
    def problem_of(headers: dict[str, str], body: bytes) -> str | None:
        """What is wrong with a request, or None."""
        sent = int(headers["webhook-timestamp"])
        if abs(time.time() - sent) > 300:
            return "too old"
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = b"%s.%d.%s" % (headers["webhook-id"].encode(), sent, body)
        expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        versions = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
        return None if ["v1", expected] in versions else "wrong signature"

    def ids(self) -> list[str]:
        """The ids of all requests, in their order."""
        return [one.webhook_id for one in self.received]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
