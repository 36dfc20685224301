"""Connections of the HTTP server: how many there may be, and how long a client may stall.

uvicorn bounds neither. What is too slow within a body is `api.slow_bodies`'s business: it counts
only the time in which the application waits.
"""

import asyncio
import resource
from functools import cache

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From the first byte of a request, or from the start of a connection, to the end of the headers.
HEADERS_SECONDS = 10.0
MAX_HEADER_BYTES = 64 << 10
# A client that takes less than so much of an answer in so long is cut off.
STALLED_SECONDS = 30.0
MIN_TAKEN_BYTES = 16 << 10

_HIGHEST_NOFILE = 65_536
# Descriptors for the database, the worker, the log, the listening sockets.
_RESERVED = 64
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

# Connections whose clients have their turn, those that wait longest first.
_awaited: "dict[Connection, None]" = {}


def raise_descriptor_limit() -> None:
    """Let this process open as many files as it is allowed to."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _HIGHEST_NOFILE if hard == resource.RLIM_INFINITY else min(hard, _HIGHEST_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@cache
def max_connections() -> int:
    """Return how many connections there may be: half of the descriptors, for uploads need more."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, (limit - _RESERVED) // 2)


class Connection(HttpToolsProtocol):
    """A connection that ends where its client stalls, or where others need its place.

    A client has its turn while it sends a request, takes an answer, or does nothing in between.
    """

    _headers_due: asyncio.TimerHandle | None = None
    _taken_due: asyncio.TimerHandle | None = None
    _header_bytes = 0
    # The body of a request may go on after its answer: as long as the next headers may take.
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > max_connections():
            if not _awaited:
                transport.write(_FULL)
                transport.close()
                return
            next(iter(_awaited))._cut_off()
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._headers_due is None and (self.cycle is None or self.cycle.response_complete):
            self._await_headers()
        in_body = self._in_body
        super().data_received(data)
        if self._headers_due is not None and not in_body:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_headers_complete(self) -> None:
        self._headers_arrived()
        self._in_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        _awaited.pop(self, None)
        _awaited[self] = None
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()
        _awaited.pop(self, None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else a pipelined request is next
            _awaited[self] = None
        if self.transport.is_closing():
            self._await_taking()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._await_taking()

    def pause_writing(self) -> None:
        super().pause_writing()
        _awaited[self] = None
        self._await_taking()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken()
        if not self.cycle.response_complete:
            _awaited.pop(self, None)

    def _await_headers(self) -> None:
        _awaited.setdefault(self)
        self._header_bytes = 0
        self._headers_due = self.loop.call_later(HEADERS_SECONDS, self._cut_off)

    def _headers_arrived(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _await_taking(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left and self._taken_due is None:
            self._taken_due = self.loop.call_later(STALLED_SECONDS, self._check_taking, left)

    def _check_taking(self, before: int) -> None:
        self._taken_due = None
        if before - self.transport.get_write_buffer_size() < MIN_TAKEN_BYTES:
            self._cut_off()
        else:
            self._await_taking()

    def _taken(self) -> None:
        if self._taken_due is not None:
            self._taken_due.cancel()
            self._taken_due = None

    def _cut_off(self) -> None:
        self._forget()
        self.transport.abort()

    def _forget(self) -> None:
        _awaited.pop(self, None)
        self._headers_arrived()
        self._taken()
