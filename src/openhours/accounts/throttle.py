"""Login attempts are counted in the database, for all server processes and across restarts."""

import hashlib
import ipaddress
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.errors import TooManyRequests

WINDOW = timedelta(minutes=5)
MAX_BY_USERNAME = 10
# Many people may share one address.
MAX_BY_ADDRESS = 50

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
_FORGIVE_ADDRESS = text(
    "UPDATE login_attempts SET attempts = greatest(attempts - 1, 0) WHERE subject = :subject"
)
_FORGIVE_USERNAME = text("DELETE FROM login_attempts WHERE subject = :subject")
# What another transaction holds is left to the next: nobody waits for this.
_FORGET_OLD = text("""
    DELETE FROM login_attempts WHERE subject IN (
        SELECT subject FROM login_attempts WHERE began_at < now() - CAST(:window AS interval)
        LIMIT 100 FOR UPDATE SKIP LOCKED)
""")


async def count_attempt(engine: AsyncEngine, username_key: str, address: str) -> None:
    """Count an attempt before its password is checked; raise TooManyRequests after too many.

    Counting afterwards would let any number of simultaneous attempts through.
    """
    async with engine.begin() as connection:
        await connection.execute(_FORGET_OLD, {"window": WINDOW})
        for subject, most in (
            (_address(address), MAX_BY_ADDRESS),
            (_username(username_key), MAX_BY_USERNAME),
        ):
            seconds = await _count(connection, subject, most)
            if seconds is not None:
                break
    if seconds is not None:
        raise TooManyRequests("too many login attempts; try again later", max(1, seconds))


async def _count(connection: AsyncConnection, subject: bytes, most: int) -> int | None:
    """Return the seconds to wait, or None if the attempt is within the limit."""
    row = (await connection.execute(_COUNT, {"subject": subject, "window": WINDOW})).one()
    return row[1] if row[0] > most else None


async def forgive_attempt(engine: AsyncEngine, username_key: str, address: str) -> None:
    """Uncount an attempt whose password was right, and those before it for the username."""
    async with engine.begin() as connection:
        await connection.execute(_FORGIVE_ADDRESS, {"subject": _address(address)})
        await connection.execute(_FORGIVE_USERNAME, {"subject": _username(username_key)})


def _username(username_key: str) -> bytes:
    return hashlib.sha256(b"username " + username_key.encode()).digest()


def _address(address: str) -> bytes:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a socket file, or a test's client
        network = address
    else:
        # Whoever has an IPv6 address has 2^64 of them.
        network = str(ipaddress.ip_network((ip, 64 if ip.version == 6 else 32), strict=False))
    return hashlib.sha256(b"address " + network.encode()).digest()
