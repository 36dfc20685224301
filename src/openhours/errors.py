"""Errors with a message for the person who asked, in one hierarchy.

The packages raise these. `api.errors` answers them as problem details over HTTP, `cli.output` as a
line and an exit code, `web.errors` as a page. Messages are for the person who asked: they say what
is wrong and, where it is not obvious, what to do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

Path = tuple[str | int, ...]


class OpenhoursError(Exception):
    """Base of every error that has a message for the person who asked."""


class SettingsError(OpenhoursError):
    """The settings ask for something that cannot be had on this machine."""


class Malformed(OpenhoursError):
    """A request or file cannot be read at all."""


class FieldProblem(NamedTuple):
    """One wrong field: the names and positions that lead to it, and what is wrong."""

    path: Path
    message: str


class Invalid(OpenhoursError):
    """Fields hold values that cannot be accepted."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class Unauthenticated(OpenhoursError):
    """No credential was given, or one that is not valid; `challenges` are the schemes to try."""

    def __init__(self, message: str, challenges: str = "Bearer") -> None:
        super().__init__(message)
        self.challenges = challenges


class Refused(OpenhoursError):
    """The caller may not do this."""


class NotFound(OpenhoursError):
    """Nothing has the id that was given."""


class Conflict(OpenhoursError):
    """The request contradicts the present state; `details` describe that state."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class TooLarge(OpenhoursError):
    """More bytes were sent than are accepted."""


class UnsupportedMedia(OpenhoursError):
    """The body has a media type that is not accepted."""


class TooManyRequests(OpenhoursError):
    """A limit was reached; trying again makes sense after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(OpenhoursError):
    """The request is valid but cannot be served now; the client may try again."""


def invalid(message: str, *path: str | int) -> Invalid:
    """Return the error for one wrong field: `invalid("must be positive", "body", "limit")`."""
    return Invalid([FieldProblem(path, message)])


@contextmanager
def located(*place: str | int) -> Iterator[None]:
    """Add where a request holds its fields to the paths of `Invalid`: `with located("body")`."""
    try:
        yield
    except Invalid as error:
        raise Invalid(
            [FieldProblem((*place, *problem.path), problem.message) for problem in error.problems]
        ) from error


def readable_message(message: str) -> str:
    """Return a message of Pydantic without the words it puts before those of our validators."""
    return message.removeprefix("Value error, ")
