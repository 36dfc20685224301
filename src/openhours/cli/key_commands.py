"""The server's part of `openhours keys`."""

import socket
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from openhours.accounts import keys
from openhours.accounts.audit import audit, operator
from openhours.db import database
from openhours.settings import Settings


async def create_key(
    settings: Settings, name: str, scopes: Sequence[str], expires: str | None
) -> str:
    """Make an API key and return it. Raise Invalid for an end that is none, or is over."""
    expires_at = None if expires is None else keys.parse_end(expires)
    async with database.opened(settings) as (engine, _):
        key = await keys.create_key(engine, name, scopes, expires_at)
    made = f"{name}: {' '.join(sorted(set(scopes)))}"
    audit("key made", who=operator(), where=socket.gethostname(), outcome=made)
    return key


async def list_keys(settings: Settings) -> None:
    """Print all API keys."""
    async with database.opened(settings) as (engine, _):
        rows = await keys.list_keys(engine)
    table = Table("id", "name", "scopes", "created", "last used", "ends", "revoked", box=None)
    for row in rows:
        instants = (row.created_at, row.last_used_at, row.expires_at, row.revoked_at)
        at = [when and f"{when:%Y-%m-%d %H:%MZ}" for when in instants]
        table.add_row(str(row.id), escape(row.name), " ".join(row.scopes), *at)
    Console().print(table)


async def revoke_key(settings: Settings, number: int) -> bool:
    """Revoke an API key; False when there is none with this id."""
    async with database.opened(settings) as (engine, _):
        revoked = await keys.revoke_key(engine, number)
    outcome = f"key {number}" if revoked else f"there is no key {number}"
    audit("key revoked", who=operator(), where=socket.gethostname(), outcome=outcome)
    return revoked
