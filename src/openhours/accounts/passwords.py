"""Argon2, off the event loop, a few at a time: each takes 64 MiB and a core for a while.

Registrations wait for each other, and logins for each other: many of one do not delay the others.
"""

from functools import cache

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

_REGISTRATIONS_AT_ONCE = 1
_LOGINS_AT_ONCE = 2
_COMMON = frozenset(FREQUENCY_LISTS["passwords"])
_argon2 = PasswordHash((Argon2Hasher(),))


@cache
def _registrations() -> CapacityLimiter:
    return CapacityLimiter(_REGISTRATIONS_AT_ONCE)


@cache
def _logins() -> CapacityLimiter:
    return CapacityLimiter(_LOGINS_AT_ONCE)


def is_common(password: str) -> bool:
    """Return whether the password is one of the 30,000 most common ones, in any letter case."""
    return password.casefold() in _COMMON


async def make_hash(password: str) -> str:
    """Return the Argon2 hash of a password."""
    return await to_thread.run_sync(_argon2.hash, password, limiter=_registrations())


async def is_right(password: str, password_hash: str | None) -> bool:
    """Return whether the password is right; without a hash (no such user) take as long."""
    return await to_thread.run_sync(_is_right, password, password_hash, limiter=_logins())


def _is_right(password: str, password_hash: str | None) -> bool:
    nobody = _hash_of_nobody()
    return _argon2.verify(password, password_hash or nobody) and password_hash is not None


@cache
def _hash_of_nobody() -> str:
    return _argon2.hash("nobody's password")
