"""API keys: random, shown once, stored hashed, known to every server process within a second."""

import asyncio
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.tables import ApiKey
from openhours.accounts.tokens import hash_of
from openhours.db.engine import is_database_away
from openhours.errors import invalid
from openhours.settings import Settings
from openhours.times import DAY, from_us, now, parse_date, to_days

SCOPES = ("ingest", "track", "report", "correct", "metrics", "admin")
Scopes = frozenset[str]
EVERYTHING: Scopes = frozenset(SCOPES)

_CACHE_TTL = 1.0  # seconds
# Uses are written so often at most.
_USES_EVERY = 60.0  # seconds


class ValidKey(NamedTuple):
    """A key that was not revoked: its name, its scopes, and when it ends, if it does."""

    name: str
    scopes: Scopes
    expires_at: datetime | None = None


async def create_key(
    engine: AsyncEngine, name: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> str:
    """Store a new key and return it: nobody can show it again."""
    key = f"oh_{secrets.token_urlsafe(32)}"
    values = {"name": name, "hash": hash_of(key), "scopes": sorted(set(scopes))}
    async with engine.begin() as connection:
        await connection.execute(insert(ApiKey).values(**values, expires_at=expires_at))
    return key


def parse_end(text: str) -> datetime:
    """Return when a key ends: `90d` from now, or the beginning of a UTC date. Raise Invalid."""
    days = re.fullmatch(r"([1-9][0-9]{0,4})d", text)
    day = parse_date(text)
    if days is not None:
        return now() + timedelta(days=int(days[1]))
    if day is None:
        raise invalid(f"--expires: {text!r} is neither 90d nor a date such as 2027-01-31")
    end = from_us(to_days(day) * DAY)
    if end <= now():
        raise invalid(f"--expires: {text} is over")
    return end


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
        self._used: set[bytes] = set()
        self._uses_written_at = time.monotonic()

    async def has_keys(self) -> bool:
        """Return whether any key was ever made: then machines need one."""
        await self._freshen()
        return self._has_keys

    async def find(self, key_hash: bytes) -> ValidKey | None:
        """Return the key with this hash; None if it is not a key, was revoked, or has ended."""
        await self._freshen()
        key = self._valid.get(key_hash)
        if key is None or (key.expires_at is not None and key.expires_at <= now()):
            return None
        self._used.add(key_hash)
        return key

    async def _freshen(self) -> None:
        if time.monotonic() - self._read_at < _CACHE_TTL:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < _CACHE_TTL:
                return  # another request has just read them
            asked_at = time.monotonic()
            try:
                await self._write_uses()
                rows = await list_keys(self._engine)
            except Exception as error:
                if self._read_at == float("-inf") or not is_database_away(error):
                    raise
                # What needs the database will say that it is away; what does not (/metrics) goes
                # on for those who were known.
                self._read_at = asked_at
                return
            good = {
                row.hash: ValidKey(row.name, frozenset(row.scopes), row.expires_at)
                for row in rows
                if row.revoked_at is None
            }
            self._valid = good | self._given
            self._has_keys = bool(rows or self._given)
            self._read_at = asked_at

    async def _write_uses(self) -> None:
        """Write which keys were used in the last minute, if that is over."""
        if time.monotonic() - self._uses_written_at < _USES_EVERY or not self._used:
            return
        used, self._used = self._used, set()
        self._uses_written_at = time.monotonic()
        async with self._engine.begin() as connection:
            await connection.execute(
                update(ApiKey).where(ApiKey.hash.in_(used)).values(last_used_at=func.now())
            )
