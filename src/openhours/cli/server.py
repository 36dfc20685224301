"""A server that commands call, again where it is away for a moment; it needs none of its parts."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
import typer
from rich.progress import Progress, TaskID

from openhours.cli.output import fail, say
from openhours.cli.results import whole_file
from openhours.errors import OpenhoursError
from openhours.remote import (
    check_key,
    credentials,
    detail_of,
    json_of,
    not_openhours,
    not_reached,
    one_line,
    pause,
    read_key,
    reason_of,
    retry_after,
    server_url,
)

T = TypeVar("T")

MAX_TRIES = 8  # some two minutes
_POLL_INTERVAL = 1.0  # seconds
_TIMEOUT = httpx.Timeout(60, connect=10)
# A server says something every 15 s: a proxy that keeps it to itself is no help.
_EVENTS_TIMEOUT = httpx.Timeout(40, connect=10)
_LATER = (429, 502, 503, 504)
# What was asked for is wrong, not the server or the key.
OF_THE_REQUEST = (400, 413, 415, 422)
_UNFINISHED = ("queued", "running", "Running")


ServerOption = Annotated[
    str | None,
    typer.Option(
        help="Use the openhours server at this address, e.g. https://hours.example.org, instead of "
        "the local database.",
        metavar="URL",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        help="An API key of the server. Better set OPENHOURS_KEY in the environment or in .env: "
        "other users of this machine can see the options of commands.",
    ),
]


class ServerFailed(OpenhoursError):
    """The server cannot be used, or does not do it; the message says why.

    `status` is that of its answer, if it has answered; `problems` says of each wrong field its name
    and what is wrong.
    """

    def __init__(
        self, message: str, status: int | None = None, problems: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problems = problems


class _Later(Exception):
    """The server may do it after so many seconds."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(reason_of(answer))
        self.after = retry_after(answer)


class Server:
    """Calls to one server. All of them raise ServerFailed."""

    def __init__(self, url: httpx.URL, key: str | None) -> None:
        self._client = httpx.Client(base_url=url, headers=credentials(key), timeout=_TIMEOUT)

    def ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Return the JSON object that the server answers with."""
        return self.retry(lambda client: client.request(method, path, **request), dict)

    def ask_list(self, path: str) -> list[Any]:
        """Return the JSON list at `path`."""
        return self.retry(lambda client: client.get(path), list)

    def retry(self, send: Callable[[httpx.Client], httpx.Response], kind: type[T]) -> T:
        """Return the JSON of the answer to what is sent, and sent again while it fails."""

        def attempt() -> T:
            answer = _checked(send(self._client))
            content = json_of(answer)
            if not isinstance(content, kind):
                raise ServerFailed(not_openhours(answer))
            return content

        return _retry(attempt)

    def follow(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield a report or an ingestion at each change, to its end: by its events, or polled."""
        try:
            for told in self._events(f"{path}/events"):
                yield told
                if _has_ended(told):
                    return
        except (httpx.HTTPError, _Later, ServerFailed, ValueError):
            pass  # a proxy may cut events off
        while True:
            found = self.ask("GET", path)
            yield found
            if _has_ended(found):
                return
            time.sleep(_POLL_INTERVAL)

    def _events(self, path: str) -> Iterator[dict[str, Any]]:
        with self._client.stream("GET", path, timeout=_EVENTS_TIMEOUT) as answer:
            _checked(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield dict(json.loads(line.removeprefix("data: ")))

    def download(
        self, path: str, params: dict[str, str], out: Path | None, bar: Progress, task: TaskID
    ) -> int:
        """Write what is at `path` to a file, or to standard output; return how many rows it has."""

        def attempt() -> int:
            with whole_file(out) as file, self._client.stream("GET", path, params=params) as answer:
                _checked(answer)
                if "x-row-count" not in answer.headers:
                    raise ServerFailed(not_openhours(answer))
                bar.update(task, total=int(answer.headers.get("content-length", 0)) or None)
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    bar.update(task, completed=answer.num_bytes_downloaded)
                return int(answer.headers["x-row-count"])

        return _retry(attempt)


def server_at(url: str | None, key: str | None) -> Server | None:
    """Return the server that options name, or None; end the command where they are wrong."""
    if url is None:
        if key is not None:
            fail("--key: the key of a --server, which is not named")
        return None
    try:
        address = server_url(url)
    except ValueError as error:
        fail(f"--server: {error}")
    try:
        return Server(address, read_key() if key is None else check_key(key))
    except ValueError as error:
        fail(str(error))


def _has_ended(told: dict[str, Any]) -> bool:
    """Return whether a report or an ingestion is neither queued nor running."""
    return told.get("state", told.get("status")) not in _UNFINISHED


def _retry(attempt: Callable[[], T]) -> T:
    failures = 0
    while True:
        try:
            return attempt()
        except httpx.HTTPError as error:
            reason, after = not_reached(error), 0.0
        except _Later as later:
            reason, after = str(later), later.after
        failures += 1
        if failures == MAX_TRIES:
            raise ServerFailed(reason)
        wait = max(pause(failures), after)
        say(f"{reason}; trying again in {wait:.0f} s")
        time.sleep(wait)


def _checked(answer: httpx.Response) -> httpx.Response:
    """Return an answer that is a success. Raise _Later, ServerFailed."""
    if answer.is_success:
        return answer
    answer.read()
    if answer.status_code in _LATER:
        raise _Later(answer)
    problems = _problems(json_of(answer))
    reasons = [message for _, message in problems]
    if answer.status_code in OF_THE_REQUEST and not reasons:
        reasons = [detail_of(answer)]
    message = "; ".join(filter(None, reasons)) or reason_of(answer)
    raise ServerFailed(message, answer.status_code, problems)


def _problems(content: Any) -> list[tuple[str, str]]:
    try:
        return [(".".join(one["path"][1:]), one_line(one["message"])) for one in content["errors"]]
    except (KeyError, TypeError):
        return []
