"""Access tokens (JWT, 15 minutes) and refresh tokens (random, 30 days, each good for one use)."""

import hashlib
import logging
import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import jwt
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.tables import RefreshToken, User
from openhours.errors import Unauthenticated
from openhours.times import now

log = logging.getLogger(__name__)

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
_ALGORITHM = "HS256"
_NAME = "openhours"  # issuer and audience
_MAX_TOKEN_BYTES = 4096


class UserName(NamedTuple):
    """A user's id and name, as tokens carry them."""

    id: UUID
    username: str


def hash_of(secret: str) -> bytes:
    """Return the SHA-256 that is stored of a random secret."""
    return hashlib.sha256(secret.encode()).digest()


class AccessTokens:
    """Makes and checks access tokens with a key derived from the service's secret."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"openhours access tokens " + secret.encode()).digest()
        self._warned = False

    def make(self, user: UserName) -> str:
        """Return a token that names its bearer."""
        made = now()
        claims = {
            "iss": _NAME,
            "aud": _NAME,
            "sub": str(user.id),
            "username": user.username,
            "iat": made,
            "exp": made + ACCESS_LIFE,
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def user_of(self, token: str) -> UserName | None:
        """Return the bearer; None for a token that is expired, forged or malformed."""
        if len(token) > _MAX_TOKEN_BYTES or token.count(".") != 2:
            return None
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=_NAME,
                audience=_NAME,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "username"]},
            )
            return UserName(UUID(claims["sub"]), claims["username"])
        except jwt.InvalidSignatureError:
            if not self._warned:
                self._warned = True
                log.warning(
                    "a token was signed with another secret: servers that share a database "
                    "need the same OPENHOURS_SECRET (or data directory)"
                )
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            pass
        return None


async def make_refresh_token(
    connection: AsyncConnection, user_id: UUID, family: UUID | None = None
) -> str:
    """Return a new refresh token, of a new family for a login; drop the user's expired ones."""
    token = secrets.token_urlsafe(32)
    await connection.execute(
        delete(RefreshToken).where(
            RefreshToken.user_id == user_id, RefreshToken.expires_at < func.now()
        )
    )
    await connection.execute(
        insert(RefreshToken).values(
            hash=hash_of(token),
            user_id=user_id,
            family=family or uuid4(),
            expires_at=func.now() + REFRESH_LIFE,
        )
    )
    return token


async def use_refresh_token(engine: AsyncEngine, token: str) -> tuple[UserName, str]:
    """Return the user, and the token that replaces this one.

    Raise Unauthenticated. A token that comes twice was stolen, before or after: nobody can tell
    which of the two is the thief, so the whole family ends.
    """
    async with engine.begin() as connection:
        used = (
            await connection.execute(
                update(RefreshToken)
                .where(
                    RefreshToken.hash == hash_of(token),
                    RefreshToken.used_at.is_(None),
                    RefreshToken.expires_at > func.now(),
                    User.id == RefreshToken.user_id,
                    User.disabled_at.is_(None),
                )
                .values(used_at=func.now())
                .returning(User.id, User.username, RefreshToken.family)
            )
        ).one_or_none()
        if used is not None:
            new = await make_refresh_token(connection, used.id, used.family)
            return UserName(used.id, used.username), new
        family = select(RefreshToken.family).where(RefreshToken.hash == hash_of(token))
        ended = await connection.execute(
            delete(RefreshToken).where(RefreshToken.family == family.scalar_subquery())
        )
    if ended.rowcount:
        log.warning("a refresh token came twice: its %d descendants are revoked", ended.rowcount)
    raise Unauthenticated("the refresh token is not valid: log in again")
