"""Work sessions and their overview as JSON."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openhours.api.fields import Text
from openhours.settings import Weekday
from openhours.times import Instant
from openhours.work_sessions.dates import CreatedAt
from openhours.work_sessions.periods import By

# A JavaScript number holds it, and no one works for longer.
MAX_MS = 366 * 86_400_000

Name = Annotated[Text, Field(max_length=200, examples=["Invoices"])]


def _whole(value: object) -> object:
    """Round a fraction half to even, as reports do. Browsers' clocks have parts of milliseconds."""
    return round(value) if isinstance(value, float) and 0 <= value <= MAX_MS else value


_Sent = Annotated[float, Field(ge=0, le=MAX_MS)]
# Strict: `true` and "5" are mistakes, not numbers.
Milliseconds = Annotated[
    int,
    BeforeValidator(_whole, json_schema_input_type=_Sent),
    Field(
        strict=True,
        ge=0,
        le=MAX_MS,
        description="Milliseconds; a fraction is rounded, half to even.",
        examples=[5_400_000],
    ),
]
SessionId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Session(BaseModel):
    """Work session. The `time` of a running one is what has elapsed so far."""

    id: Annotated[int, Field(examples=[42])]
    username: Annotated[str, Field(examples=["zoe"])]
    name: Name
    time: Annotated[int, Field(description="Milliseconds.", examples=[5_400_000])]
    createdAt: Annotated[Instant, Field(description="Its start.")]  # noqa: N815  the contract's word
    running: bool
    long: Annotated[
        bool,
        Field(description="Longer than OPENHOURS_LONG_SESSION_HOURS: probably forgotten."),
    ]


class SessionList(BaseModel):
    """Work sessions, newest start first."""

    sessions: list[Session]


class FinishedSession(BaseModel):
    """Finished session to save."""

    username: str
    name: Name
    time: Milliseconds
    createdAt: CreatedAt  # noqa: N815


class NewSession(BaseModel):
    """Session to start."""

    name: Name = ""


class SessionChange(BaseModel):
    """Changes to a session; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    time: Milliseconds | None = None
    createdAt: CreatedAt | None = None  # noqa: N815


class NameTotal(BaseModel):
    """Time worked under one name."""

    name: str
    time: Annotated[int, Field(description="Milliseconds.")]


class PeriodTotal(BaseModel):
    """Day, week or month in the user's time zone, cut to the range."""

    date: Annotated[dt.date, Field(description="Its first day.")]
    start: Instant
    end: Instant
    time: Annotated[int, Field(description="Milliseconds.")]
    names: list[NameTotal]


class OverlapInfo(BaseModel):
    """Time in which several sessions ran at once; each of them counts it."""

    start: Instant
    end: Instant
    time: Annotated[int, Field(description="Milliseconds.")]
    sessions: Annotated[list[int], Field(description="Ids of these sessions.")]
    names: Annotated[list[str], Field(description="Their names, each once.")]


class Overview(BaseModel):
    """Time worked in [from, to). A running session counts up to now."""

    model_config = ConfigDict(populate_by_name=True)

    username: str
    timezone: str
    by: By
    week_starts_on: Weekday
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    time: Annotated[
        int, Field(description="Milliseconds of all sessions; overlaps count in each session.")
    ]
    time_without_overlaps: Annotated[
        int, Field(description="Milliseconds in which any session ran.")
    ]
    names: Annotated[list[NameTotal], Field(description="Longest first.")]
    periods: list[PeriodTotal]
    overlaps: list[OverlapInfo]
    long: Annotated[
        list[int], Field(description="Ids of sessions longer than OPENHOURS_LONG_SESSION_HOURS.")
    ]
