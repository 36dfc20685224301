"""Clients that stall, and those that open connections and do nothing, do not silence the server.

The server is a real one, with few descriptors and short deadlines.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

DESCRIPTORS = 300
MAX_CONNECTIONS = (DESCRIPTORS - 64) // 2
_HASTY = f"""
import resource
from openhours.api import slow_bodies
from openhours.cli import connections
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
connections.HEADERS_SECONDS = %s
connections.STALLED_SECONDS = 1.0
slow_bodies.PATIENCE_SECONDS = 1.0
"""
HEAD = b"POST /visit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class Impatient(Service):
    prelude = _HASTY % "1.0"


class Crowded(Service):
    prelude = _HASTY % "3600.0"


@pytest.fixture
def impatient(settings: Settings, place: Path) -> Iterator[Service]:
    del settings
    with Impatient(place, OPENHOURS_WORKER="0") as running:
        yield running


@pytest.fixture
def crowded(settings: Settings, place: Path) -> Iterator[Service]:
    del settings
    with Crowded(place, OPENHOURS_WORKER="0") as running:
        yield running


def connect(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=30)


def trickle(connection: socket.socket, data: bytes) -> bytes:
    """Send a byte five times a second until the server ends it; what it answered."""
    connection.settimeout(0.2)
    answer = b""
    for position in range(len(data)):
        try:
            connection.send(data[position : position + 1])
            while part := connection.recv(4096):
                answer += part
            return answer
        except TimeoutError:
            continue
        except ConnectionError:
            return answer
    pytest.fail("the server took it all")


def rest(connection: socket.socket) -> bytes:
    """What arrives until the server closes the connection."""
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def test_headers_have_a_deadline_however_slowly_they_come(impatient: Service) -> None:
    with connect(impatient) as silent, connect(impatient) as slow:
        assert rest(silent) == b""
        assert trickle(slow, HEAD) == b""
    with connect(impatient) as second:
        # A connection that is kept has the deadline again for its next request.
        second.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert second.recv(4096).startswith(b"HTTP/1.1 200")
        assert b"HTTP" not in trickle(second, b"\r\n" * 50)
    assert impatient.client.get("/health").status_code == 200


def test_headers_have_a_greatest_length(impatient: Service) -> None:
    with connect(impatient) as connection:
        try:
            connection.sendall(HEAD + b"X-Long: " + b"x" * 400_000)
        except ConnectionError:
            return
        assert rest(connection)[:12] in (b"HTTP/1.1 431", b"")


def test_a_body_that_stalls_or_trickles_is_a_408(impatient: Service) -> None:
    head = HEAD + b"Content-Length: 1000\r\n\r\n"
    for path in (b"/visit", b"/ingest/status", b"/api/v1/user/login"):
        with connect(impatient) as stalled:
            stalled.sendall(head.replace(b"/visit", path) + b"{")
            answer = rest(stalled)
            assert answer.startswith(b"HTTP/1.1 408"), (path, answer)
            assert b"application/problem+json" in answer
            assert b"the body came too slowly" in answer
        with connect(impatient) as slow:
            slow.sendall(head.replace(b"/visit", path))
            assert trickle(slow, b"{" * 999).startswith(b"HTTP/1.1 408"), path
    assert "Traceback" not in impatient.story()


def test_a_refused_body_is_not_waited_for(impatient: Service) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEAD.replace(b"/visit", b"/nowhere") + b"Content-Length: 1000\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 404")
        trickle(connection, b"x" * 999)


def test_an_answer_that_is_not_taken_is_cut_off(impatient: Service) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", impatient.port))
        # More than the kernel takes: over and over.
        request = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(request * 8)
        assert connection.recv(12) == b"HTTP/1.1 200"
        port = connection.getsockname()[1]
        assert impatient.process is not None
        server = psutil.Process(impatient.process.pid)
        wait_for(
            lambda: all(
                one.raddr.port != port for one in server.net_connections("tcp") if one.raddr
            )
        )


def test_idle_connections_make_room_for_others(crowded: Service) -> None:
    with ExitStack() as stack:
        for number in range(400):
            idle = stack.enter_context(connect(crowded))
            if number % 2:
                idle.sendall(HEAD)  # and never the rest
        for _ in range(20):
            with httpx.Client(base_url=crowded.url, timeout=30) as other:
                assert other.get("/health").status_code == 200
        assert crowded.process is not None
        server = psutil.Process(crowded.process.pid)
        established = [one for one in server.net_connections("tcp") if one.raddr]
        assert MAX_CONNECTIONS / 2 < len(established) < DESCRIPTORS * 3 / 4


def test_bodies_that_stall_make_room_too(crowded: Service) -> None:
    with ExitStack() as stack:
        for _ in range(400):
            stalled = stack.enter_context(connect(crowded))
            stalled.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        for _ in range(20):
            with httpx.Client(base_url=crowded.url, timeout=30) as other:
                assert other.get("/health").status_code == 200
