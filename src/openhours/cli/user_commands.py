"""The server's part of `openhours users`."""

import socket

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from openhours.accounts import administration
from openhours.accounts.audit import operator
from openhours.accounts.schemas import Password
from openhours.db import database
from openhours.errors import invalid
from openhours.settings import Settings

_password: TypeAdapter[str] = TypeAdapter(Password)


async def print_all(settings: Settings) -> None:
    """Print all users."""
    async with database.opened(settings) as (engine, _):
        rows = await administration.list_users(engine)
    table = Table("username", "time zone", "created", "disabled", box=None)
    for row in rows:
        at = [when and f"{when:%Y-%m-%d %H:%MZ}" for when in (row.created_at, row.disabled_at)]
        table.add_row(escape(row.username), row.timezone, *at)
    Console().print(table)


async def set_disabled(settings: Settings, username: str, disabled: bool) -> None:
    """Disable or enable an account. Raise NotFound."""
    async with database.opened(settings) as (engine, _):
        await administration.set_disabled(
            engine, username, disabled, who=operator(), where=socket.gethostname()
        )


async def delete(settings: Settings, username: str) -> None:
    """Delete an account. Raise NotFound."""
    async with database.opened(settings) as (engine, _):
        await administration.delete_user(
            engine, username, who=operator(), where=socket.gethostname()
        )


async def set_password(settings: Settings, username: str, password: str) -> None:
    """Give a user another password. Raise NotFound or Invalid."""
    try:
        _password.validate_python(password)
    except ValidationError:
        raise invalid("use 8 to 1,024 characters", "password") from None
    async with database.opened(settings) as (engine, _):
        await administration.set_password(
            engine, username, password, who=operator(), where=socket.gethostname()
        )
