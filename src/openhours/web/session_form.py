"""The form of a work session, to add one or to change it."""

from datetime import datetime

from pydantic import BaseModel

from openhours.accounts.tokens import UserName
from openhours.errors import invalid
from openhours.web.forms import validated
from openhours.web.local_time import from_input, to_input, to_minute_input
from openhours.work_sessions.schemas import FinishedSession, SessionChange
from openhours.work_sessions.sessions import SessionRow, ended_at, time_between

_FIELDS = {"createdAt": "start", "time": "end"}


class SessionForm(BaseModel):
    """The fields of a session as they were sent, times in the user's time zone."""

    name: str = ""
    start: str = ""
    end: str = ""

    def finished(self, user: UserName, zone: str) -> FinishedSession:
        """Return a session to save. Raise Invalid."""
        begins, ends = _instant("start", self.start, zone), _instant("end", self.end, zone)
        values = {"username": user.username, "name": self.name.strip(), "createdAt": begins}
        new = validated(FinishedSession, values | {"time": 0}, _FIELDS)
        return new.model_copy(update={"time": time_between(begins, ends)})

    def change(self, before: SessionRow, zone: str) -> SessionChange:
        """Return what to change; a time that was left as it was keeps its milliseconds.

        Raise Invalid.
        """
        begins, ends = before.started_at, ended_at(before)
        if self.start not in _forms(begins, zone):
            begins = _instant("start", self.start, zone)
        values = {"name": self.name.strip(), "createdAt": begins}
        change = validated(SessionChange, values, _FIELDS)
        if before.running:
            return change
        if self.end not in _forms(ends, zone):
            ends = _instant("end", self.end, zone)
        return change.model_copy(update={"time": time_between(begins, ends)})


def _instant(field: str, text: str, zone: str) -> datetime:
    at = from_input(field, text, zone, "body")
    if at is None:
        raise invalid("must not be empty", "body", field)
    return at


def _forms(instant: datetime, zone: str) -> tuple[str, str]:
    """Return how a form may say an instant."""
    return to_input(instant, zone), to_minute_input(instant, zone)
