"""Attempts to log in and registrations are counted, for all server processes and across restarts.

A wrong password counts for the address and strictly for the name at that address. Over all
addresses a name has a limit, too, against guesses from many of them; it does not hold for addresses
from which the user has logged in before, so that nobody can lock the owner out from elsewhere.
"""

import hashlib
import ipaddress
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.errors import TooManyRequests


class Limit(NamedTuple):
    """So many attempts in so long a time, which begins with the first of them."""

    attempts: int
    window: timedelta


# Many people may share one address.
BY_ADDRESS = Limit(50, timedelta(minutes=5))
BY_NAME_AND_ADDRESS = Limit(10, timedelta(minutes=5))
BY_NAME = Limit(50, timedelta(hours=1))
REGISTRATIONS = Limit(20, timedelta(hours=1))
MAX_WINDOW = timedelta(hours=1)
# An address is known for so long after the last right password from it.
KNOWN_FOR = timedelta(days=90)

_COUNT = text("""
    INSERT INTO login_attempts AS old (subject, attempts, began_at)
    VALUES (:subject, 1, clock_timestamp())
    ON CONFLICT (subject) DO UPDATE SET
        attempts = CASE WHEN old.began_at > clock_timestamp() - CAST(:window AS interval)
                   THEN old.attempts + 1 ELSE 1 END,
        began_at = CASE WHEN old.began_at > clock_timestamp() - CAST(:window AS interval)
                   THEN old.began_at ELSE clock_timestamp() END
    RETURNING attempts, ceil(extract(epoch FROM began_at + :window - clock_timestamp()))::int
""")
_UNCOUNT = text(
    "UPDATE login_attempts SET attempts = greatest(attempts - 1, 0) WHERE subject = :subject"
)
_FORGIVE = text("DELETE FROM login_attempts WHERE subject = :subject")
# What another transaction holds is left to the next: nobody waits for this.
_FORGET_OLD = text("""
    DELETE FROM login_attempts WHERE subject IN (
        SELECT subject FROM login_attempts WHERE began_at < now() - CAST(:window AS interval)
        LIMIT 100 FOR UPDATE SKIP LOCKED)
""")
_IS_KNOWN = text("""
    SELECT EXISTS (SELECT FROM known_addresses
        WHERE subject = :subject AND last_login_at > now() - CAST(:life AS interval))
""")
_REMEMBER = text("""
    INSERT INTO known_addresses (subject, last_login_at) VALUES (:subject, now())
    ON CONFLICT (subject) DO UPDATE SET last_login_at = excluded.last_login_at
""")
_FORGET_ADDRESSES = text("""
    DELETE FROM known_addresses WHERE subject IN (
        SELECT subject FROM known_addresses
        WHERE last_login_at < now() - CAST(:life AS interval) LIMIT 100 FOR UPDATE SKIP LOCKED)
""")


async def count_attempt(engine: AsyncEngine, username_key: str, address: str) -> None:
    """Count an attempt before its password is checked; raise TooManyRequests after too many.

    Counting afterwards would let any number of simultaneous attempts through.
    """
    pair = _pair(username_key, address)
    limits = [(_address(address), BY_ADDRESS), (pair, BY_NAME_AND_ADDRESS)]
    async with engine.begin() as connection:
        await connection.execute(_FORGET_OLD, {"window": MAX_WINDOW})
        if not await connection.scalar(_IS_KNOWN, {"subject": pair, "life": KNOWN_FOR}):
            limits.append((_name(username_key), BY_NAME))
        seconds = await _count_all(connection, limits)
    if seconds is not None:
        raise TooManyRequests("too many login attempts; try again later", seconds)


async def count_registration(engine: AsyncEngine, address: str) -> None:
    """Count a registration, and one that fails; raise TooManyRequests after too many."""
    async with engine.begin() as connection:
        subject = _hash("registration", network_of(address))
        seconds = await _count_all(connection, [(subject, REGISTRATIONS)])
    if seconds is not None:
        raise TooManyRequests("too many registrations from this address; try later", seconds)


async def _count_all(connection: AsyncConnection, limits: list[tuple[bytes, Limit]]) -> int | None:
    """Return the seconds to wait, or None if the attempt is within all limits."""
    for subject, limit in limits:
        row = (await connection.execute(_COUNT, {"subject": subject, "window": limit.window})).one()
        if row[0] > limit.attempts:
            return max(1, int(row[1]))
    return None


async def forgive_attempt(engine: AsyncEngine, username_key: str, address: str) -> None:
    """Uncount an attempt whose password was right, and all before it of the name from there.

    The address is known from now on.
    """
    pair = _pair(username_key, address)
    async with engine.begin() as connection:
        await connection.execute(_UNCOUNT, {"subject": _address(address)})
        await connection.execute(_FORGIVE, {"subject": pair})
        await connection.execute(_UNCOUNT, {"subject": _name(username_key)})
        await connection.execute(_FORGET_ADDRESSES, {"life": KNOWN_FOR})
        await connection.execute(_REMEMBER, {"subject": pair})


@lru_cache(4096)
def network_of(address: str) -> str:
    """Return what counts as one address: whoever has an IPv6 address has 2^64 of them."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a socket file
        return address
    return str(ipaddress.ip_network((ip, 64 if ip.version == 6 else 32), strict=False))


def _name(username_key: str) -> bytes:
    return _hash("username", username_key)


def _address(address: str) -> bytes:
    return _hash("address", network_of(address))


def _pair(username_key: str, address: str) -> bytes:
    # No network holds a space, so that no other name and address give the same.
    return _hash("username at address", f"{network_of(address)} {username_key}")


def _hash(kind: str, subject: str) -> bytes:
    return hashlib.sha256(f"{kind} {subject}".encode()).digest()
