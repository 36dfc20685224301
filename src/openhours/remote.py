"""What all who call an openhours server share: its address, the key, and what its answers say.

It needs httpx and python-dotenv, nothing of the server: PCs have no more.
"""

import os
import random
import urllib.parse
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from dotenv import dotenv_values

KEY = "OPENHOURS_KEY"
_FIRST_PAUSE = 1.0
_MAX_PAUSE = 60.0
_MAX_RETRY_AFTER = 3600.0


def server_url(text: str) -> httpx.URL:
    """Return the address of a server. Raise ValueError."""
    try:
        # httpx takes ports and brackets that lead nowhere.
        parts = urllib.parse.urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        url = httpx.URL(text)
    except (ValueError, httpx.InvalidURL) as error:
        raise ValueError(str(error)) from None
    if not usable:
        raise ValueError("an address such as http://192.168.1.5:8000")
    return url


def read_key() -> str | None:
    """Return the API key of the environment or of `.env`, or None. Raise ValueError."""
    key = os.environ.get(KEY) or dotenv_values(".env").get(KEY) or ""
    return check_key(key.strip()) or None


def check_key(key: str) -> str:
    """Return the key. Raise ValueError, which does not show it."""
    if not key.isascii() or not key.isprintable():
        raise ValueError(f"{KEY} holds characters that no key has")
    return key


def credentials(key: str | None) -> dict[str, str]:
    """Return the header that sends the API key, if there is one."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def pause(failures: int) -> float:
    """Return the seconds to wait after failures in a row: doubling, bounded, with jitter."""
    bound = min(_MAX_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return bound * random.uniform(0.5, 1.0)  # noqa: S311  no secret


def retry_after(answer: httpx.Response) -> float:
    """Return the seconds after which the server wants to be asked again; 0 if it does not say."""
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


def json_of(answer: httpx.Response) -> Any:
    """Return the JSON of an answer; None if it is none."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def detail_of(answer: httpx.Response) -> str:
    """Return what openhours says of an error, as one line; empty if it says nothing."""
    content = json_of(answer)
    detail = content.get("detail") if isinstance(content, dict) else None
    return one_line(str(detail)) if detail else ""


def not_reached(error: httpx.HTTPError) -> str:
    """Say that a server is not reached, and why."""
    if isinstance(error, httpx.TimeoutException):
        return "the server does not answer in time"
    return f"the server is not reached ({str(error) or type(error).__name__})"


def not_openhours(answer: httpx.Response) -> str:
    """Say that an answer is of a captive portal, or of another service at this address."""
    return f"HTTP {answer.status_code}, but not from openhours: is the address right?"


def reason_of(answer: httpx.Response) -> str:
    """Say in a line why an answer is no success."""
    reason = f"HTTP {answer.status_code}"
    if answer.has_redirect_location:
        return f"{reason}: the server is at {one_line(answer.headers['location'])}"
    if detail := detail_of(answer):
        reason = f"{reason}: {detail}"
    return f"{reason}; is {KEY} right?" if answer.status_code in (401, 403) else reason


def one_line(text: str) -> str:
    """Return what a server wrote as one short line that a terminal can show."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]
