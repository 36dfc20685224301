"""One batch of beats to the server, and what its answer means for them. Only httpx."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from openhours.agent.beat_queue import QueuedBeat
from openhours.remote import (
    credentials,
    detail_of,
    json_of,
    not_openhours,
    not_reached,
    reason_of,
    retry_after,
)

TIMEOUT = 10.0
# What openhours says of a request that will be as wrong the next time.
_NEVER = (400, 413, 422)


@dataclass(frozen=True)
class Delivered:
    """The server has them all."""


@dataclass(frozen=True)
class Refused:
    """At least one of them will never be taken."""

    reason: str


@dataclass(frozen=True)
class Kept:
    """Not now: to be tried again, not before `after` seconds."""

    reason: str
    after: float = 0.0


Outcome = Delivered | Refused | Kept


def make_client(server: httpx.URL, key: str | None) -> httpx.AsyncClient:
    """Return an HTTP client that sends the API key, if there is one."""
    return httpx.AsyncClient(base_url=server, headers=credentials(key), timeout=TIMEOUT)


async def send(client: httpx.AsyncClient, beats: Sequence[QueuedBeat]) -> Outcome:
    """Send the beats; sending them again does no harm."""
    body = [
        {"pc": beat.pc, "event_time": beat.event_time, "beat_id": beat.beat_id} for beat in beats
    ]
    try:
        # httpx's own limit is for each read: a server that drips would never end.
        async with asyncio.timeout(3 * TIMEOUT):
            answer = await client.post("track/batch", json=body)
    except TimeoutError:
        return Kept("the server does not answer in time")
    except httpx.HTTPError as error:
        return Kept(not_reached(error))
    return _meaning(answer, len(beats))


def _meaning(answer: httpx.Response, count: int) -> Outcome:
    content = json_of(answer)
    if answer.status_code == 201 and isinstance(content, list) and len(content) == count:
        return Delivered()
    if answer.is_success:
        return Kept(not_openhours(answer))
    if answer.status_code in _NEVER and detail_of(answer):
        return Refused(reason_of(answer))
    return Kept(reason_of(answer), retry_after(answer))
