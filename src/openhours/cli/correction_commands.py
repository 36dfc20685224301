"""The server's part of `openhours corrections`."""

import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytz

from openhours.accounts.audit import operator
from openhours.db import database
from openhours.errors import FieldProblem, Invalid, invalid
from openhours.ingestion.names import printable
from openhours.settings import Settings
from openhours.stores.corrections import make_correction, revoke_correction, whose
from openhours.stores.label_texts import parse_labels
from openhours.stores.queries import correction_info, list_corrections
from openhours.stores.schemas import CorrectionInfo, NewCorrection
from openhours.times import local_time
from openhours.web.forms import validated
from openhours.web.local_time import from_input

_PAGE = 100
_OPTIONS = {
    "store_ids": "--store",
    "labels": "--label",
    "from": "--from",
    "to": "--to",
    "treat_as": "--treat-as",
    "category": "--category",
    "reason": "--reason",
    "timezone": "--timezone",
}


async def make(
    settings: Settings,
    *,
    begins: str,
    ends: str,
    timezone: str | None,
    labels: Sequence[str] | None,
    **values: Any,
) -> str:
    """Make a correction and return its id. Raise Invalid, with messages that name options."""
    try:
        _check_zone(timezone)
        values |= {"from": _instant("from", begins, timezone), "to": _instant("to", ends, timezone)}
        values["labels"] = parse_labels(labels) if labels else None
        new = validated(NewCorrection, values)
        async with database.opened(settings) as (engine, _):
            made = await make_correction(engine, new, who=operator(), where=socket.gethostname())
    except Invalid as error:
        raise Invalid([_named(problem) for problem in error.problems]) from None
    return made.correction_id


def _named(problem: FieldProblem) -> FieldProblem:
    named = [_OPTIONS[str(part)] for part in problem.path if part in _OPTIONS]
    option = named[0] if named else "--store, --label, --all"
    return FieldProblem(problem.path, f"{option}: {problem.message}")


def _check_zone(timezone: str | None) -> None:
    if timezone is not None and timezone not in pytz.all_timezones_set:
        raise invalid(f"{timezone!r} is not an IANA time zone, such as Europe/Berlin", "timezone")


def _instant(field: str, text: str, timezone: str | None) -> object:
    """Return the instant of a local time; any other text as it is, for the model to check."""
    try:
        is_local = datetime.fromisoformat(text.strip()).tzinfo is None
    except ValueError:
        return text
    if not is_local:
        return text
    if timezone is None:
        raise invalid("a local time needs --timezone; an instant ends with Z or an offset", field)
    return from_input(field, text.strip(), timezone)


async def print_all(settings: Settings, timezone: str | None) -> None:
    """Print all corrections, the last made first. Raise Invalid for an unknown zone."""
    try:
        _check_zone(timezone)
    except Invalid as error:
        raise Invalid([_named(problem) for problem in error.problems]) from None
    async with database.opened(settings) as (engine, _), engine.connect() as connection:
        cursor = None
        while True:
            page = await list_corrections(connection, limit=_PAGE, cursor=cursor)
            for one in page.rows:
                print(_written(correction_info(one), timezone or "UTC"))
            cursor = page.next_cursor
            if cursor is None:
                return


def _written(one: CorrectionInfo, zone: str) -> str:
    def at(instant: datetime) -> str:
        return f"{local_time(instant, zone):%Y-%m-%d %H:%M}"

    state = f"made by {one.made_by}, {at(one.made_at)}"
    if one.revoked_at is not None:
        state += f"; REVOKED by {one.revoked_by}, {at(one.revoked_at)}"
    lines = (
        f"{one.correction_id}  {one.treat_as}, {at(one.from_at)} to {at(one.to_at)} {zone}",
        f"    {whose(one)}: {one.category}, {one.reason}",
        f"    {state}",
    )
    return "\n".join(printable(line) for line in lines)


async def revoke(settings: Settings, correction_id: str) -> None:
    """Revoke a correction. Raise NotFound."""
    async with database.opened(settings) as (engine, _):
        await revoke_correction(engine, correction_id, who=operator(), where=socket.gethostname())
