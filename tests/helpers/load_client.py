"""A bounded client: a fixed number of connections that send one request after the other."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Exchange:
    """A request and what came of it; `answer` is None when the connection broke."""

    body: dict[str, Any]
    begun: int
    status: int | None = None
    answer: dict[str, Any] | None = None
    ended: int | None = None


@dataclass
class Traffic:
    """Sends `bodies` to `path` over connections that change to another port when theirs breaks."""

    path: str
    bodies: Iterator[dict[str, Any]]
    ports: list[int]
    on_answer: Callable[[int], None] = lambda _count: None
    exchanges: list[Exchange] = field(default_factory=list)
    answered: int = 0
    _moment: int = 0

    def run(self, connections: int) -> list[Exchange]:
        """All exchanges, once the bodies are sent. Moments tell which was before which."""
        asyncio.run(self._all(connections))
        return self.exchanges

    async def _all(self, connections: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(self._connection(number))

    async def _connection(self, number: int) -> None:
        ports = self.ports[number % len(self.ports) :] + self.ports[: number % len(self.ports)]
        for port in (*ports, *ports):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            try:
                for body in self.bodies:
                    await self._exchange(reader, writer, body)
                return
            except (OSError, asyncio.IncompleteReadError):
                continue
            finally:
                writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict[str, Any]
    ) -> None:
        self._moment += 1
        exchange = Exchange(body, self._moment)
        self.exchanges.append(exchange)
        content = json.dumps(body).encode()
        writer.write(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (self.path.encode(), len(content), content)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        self._moment += 1
        exchange.status, exchange.answer, exchange.ended = int(head[9:12]), answer, self._moment
        self.answered += 1
        self.on_answer(self.answered)
