"""API keys: random, shown once, stored hashed, known to every server process within a second."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.tables import ApiKey
from openhours.accounts.tokens import hash_of
from openhours.db.engine import is_database_away
from openhours.settings import Settings

SCOPES = ("ingest", "track", "report", "correct", "metrics", "admin")
Scopes = frozenset[str]
EVERYTHING: Scopes = frozenset(SCOPES)

_CACHE_TTL = 1.0  # seconds


class ValidKey(NamedTuple):
    """A key that was not revoked: its name and its scopes."""

    name: str
    scopes: Scopes


async def create_key(engine: AsyncEngine, name: str, scopes: Sequence[str]) -> str:
    """Store a new key and return it: nobody can show it again."""
    key = f"oh_{secrets.token_urlsafe(32)}"
    async with engine.begin() as connection:
        await connection.execute(
            insert(ApiKey).values(name=name, hash=hash_of(key), scopes=sorted(set(scopes)))
        )
    return key


async def list_keys(engine: AsyncEngine) -> Sequence[Row[tuple[ApiKey]]]:
    """Return all keys, revoked ones too, oldest first; columns of `ApiKey`."""
    query = select(*ApiKey.__table__.columns).order_by(ApiKey.id)
    async with engine.connect() as connection:
        return (await connection.execute(query)).all()


async def revoke_key(engine: AsyncEngine, number: int) -> bool:
    """Revoke a key; False when there is none with this id."""
    async with engine.begin() as connection:
        revoked = await connection.execute(
            update(ApiKey)
            .where(ApiKey.id == number)
            .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        )
    return revoked.rowcount == 1


class KeyRing:
    """All valid keys, in memory: `/track` and `/visit` need no query to know the caller."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine
        self._given: dict[bytes, ValidKey] = {}
        if settings.admin_key is not None:
            key_hash = hash_of(settings.admin_key.get_secret_value())
            self._given[key_hash] = ValidKey("OPENHOURS_ADMIN_KEY", EVERYTHING)
        self._valid: Mapping[bytes, ValidKey] = self._given
        self._has_keys = bool(self._given)
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def has_keys(self) -> bool:
        """Return whether any key was ever made: then machines need one."""
        await self._freshen()
        return self._has_keys

    async def find(self, key_hash: bytes) -> ValidKey | None:
        """Return the key with this hash; None if it is not a key, or was revoked."""
        await self._freshen()
        return self._valid.get(key_hash)

    async def _freshen(self) -> None:
        if time.monotonic() - self._read_at < _CACHE_TTL:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < _CACHE_TTL:
                return  # another request has just read them
            asked_at = time.monotonic()
            try:
                rows = await list_keys(self._engine)
            except Exception as error:
                if self._read_at == float("-inf") or not is_database_away(error):
                    raise
                # What needs the database will say that it is away; what does not (/metrics) goes
                # on for those who were known.
                self._read_at = asked_at
                return
            good = {
                row.hash: ValidKey(row.name, frozenset(row.scopes))
                for row in rows
                if row.revoked_at is None
            }
            self._valid = good | self._given
            self._has_keys = bool(rows or self._given)
            self._read_at = asked_at
