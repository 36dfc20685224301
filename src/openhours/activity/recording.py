"""Recording an event: the API and the page call `record`."""

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.activity.schemas import NewEvent, metadata_json
from openhours.activity.write import EventRow, write_events
from openhours.api.dependencies import Resource
from openhours.db.group_commit import GroupCommit
from openhours.errors import Conflict

_RECORDER: Resource[GroupCommit[EventRow, datetime | None]] = Resource("activity")
Recorder = Annotated[GroupCommit[EventRow, datetime | None], Depends(_RECORDER)]


def prepare(app: FastAPI, engine: AsyncEngine) -> None:
    """Give the application its one group commit of events."""
    _RECORDER.set(app, GroupCommit(partial(write_events, engine)))


async def record(recorder: Recorder, event: NewEvent) -> datetime:
    """Store the event durably and return when it was recorded.

    With an `event_id` that is known for the same event, return when that was recorded. Raise
    Conflict if another event has the `event_id`, Invalid for metadata that cannot be stored.
    """
    row = EventRow(
        event.user_id,
        event.event_action_timestamp,
        event.action,
        metadata_json(event.metadata),
        event.event_id,
    )
    recorded_at = await recorder.add(row)
    if recorded_at is None:
        raise Conflict(f"another event has the event_id {event.event_id!r}")
    return recorded_at
