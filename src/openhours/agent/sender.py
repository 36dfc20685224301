"""One batch of beats to the server, and what its answer means for them. Only httpx."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from openhours.agent.beat_queue import QueuedBeat

TIMEOUT = 10.0
_FIRST_PAUSE = 1.0
_MAX_PAUSE = 60.0
_MAX_RETRY_AFTER = 3600.0
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
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=server, headers=headers, timeout=TIMEOUT)


async def send(client: httpx.AsyncClient, beats: Sequence[QueuedBeat]) -> Outcome:
    """Send the beats; sending them again does no harm."""
    body = [
        {"pc": beat.pc, "event_time": beat.event_time, "beat_id": beat.beat_id} for beat in beats
    ]
    try:
        # httpx's own limit is for each read: a server that drips would never end.
        async with asyncio.timeout(3 * TIMEOUT):
            answer = await client.post("track/batch", json=body)
    except (httpx.TimeoutException, TimeoutError):
        return Kept("the server does not answer in time")
    except httpx.HTTPError as error:
        return Kept(f"the server is not reached ({str(error) or type(error).__name__})")
    return _meaning(answer, len(beats))


def pause(failures: int) -> float:
    """Return the seconds to wait after failures in a row: doubling, bounded, with jitter."""
    bound = min(_MAX_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return bound * random.uniform(0.5, 1.0)  # noqa: S311  no secret


def _meaning(answer: httpx.Response, count: int) -> Outcome:
    content = _content(answer)
    if answer.status_code == 201 and isinstance(content, list) and len(content) == count:
        return Delivered()
    if answer.is_success:
        # A captive portal, or another service at this address.
        return Kept(f"HTTP {answer.status_code}, but not from openhours: is the address right?")
    reason = f"HTTP {answer.status_code}"
    if answer.has_redirect_location:
        return Kept(f"{reason}: the server is at {_line(answer.headers['location'])}")
    detail = content.get("detail") if isinstance(content, dict) else None
    if detail:
        reason = f"{reason}: {_line(str(detail))}"
    if answer.status_code in (401, 403):
        return Kept(f"{reason}; is OPENHOURS_KEY right?")
    if answer.status_code in _NEVER and detail:
        return Refused(reason)
    return Kept(reason, _retry_after(answer))


def _content(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]


def _retry_after(answer: httpx.Response) -> float:
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        seconds = (at - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)
