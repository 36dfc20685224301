"""Browsers: a cookie after signing in, and a CSRF token for every form.

The cookie is a random number; what it stands for is in the database, so that signing out, or
revoking the key, ends it everywhere. The CSRF token is an HMAC of the cookie: another site can
neither read the cookie nor guess the token.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import NamedTuple

from fastapi import Request, Response
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.tables import SignIn, User
from openhours.accounts.tokens import UserName, hash_of
from openhours.api.dependencies import SETTINGS, Resource, public_path
from openhours.errors import Refused

COOKIE = "openhours_session"
LIFE = timedelta(hours=12)
CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
CSRF_KEY: Resource[bytes] = Resource("csrf_key")


class SignedIn(NamedTuple):
    """The user or the API key that a cookie stands for."""

    user: UserName | None
    key_hash: bytes | None


async def sign_in(
    engine: AsyncEngine, *, user: UserName | None = None, key_hash: bytes | None = None
) -> str:
    """Return a new cookie for the user or the key; drop expired ones."""
    cookie = secrets.token_urlsafe(32)
    async with engine.begin() as connection:
        await connection.execute(delete(SignIn).where(SignIn.expires_at < func.now()))
        await connection.execute(
            insert(SignIn).values(
                hash=hash_of(cookie),
                user_id=user.id if user else None,
                key_hash=key_hash,
                expires_at=func.now() + LIFE,
            )
        )
    return cookie


async def sign_out(engine: AsyncEngine, cookie: str) -> None:
    """Make the cookie worthless."""
    async with engine.begin() as connection:
        await connection.execute(delete(SignIn).where(SignIn.hash == hash_of(cookie)))


async def signed_in(engine: AsyncEngine, cookie: str) -> SignedIn | None:
    """Return what the cookie stands for; None if it is expired or only carries a CSRF token."""
    query = (
        select(SignIn.user_id, User.username, SignIn.key_hash)
        .outerjoin(User, User.id == SignIn.user_id)
        .where(
            SignIn.hash == hash_of(cookie),
            SignIn.expires_at > func.now(),
            User.disabled_at.is_(None),
        )
    )
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    user = None if row.user_id is None else UserName(row.user_id, row.username)
    return SignedIn(user, row.key_hash)


def sent_cookie(request: Request) -> str | None:
    """Return the cookie that the browser has sent."""
    return request.cookies.get(_cookie_name(request))


def set_cookie(request: Request, response: Response, cookie: str) -> None:
    """Give the browser a cookie that no script and no other site can use."""
    response.set_cookie(
        _cookie_name(request),
        cookie,
        max_age=int(LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=_is_secure(request),
    )


def delete_cookie(request: Request, response: Response) -> None:
    """Make the browser forget its cookie."""
    response.delete_cookie(
        _cookie_name(request), httponly=True, samesite="lax", secure=_is_secure(request)
    )


def _cookie_name(request: Request) -> str:
    # Each service of a host has a cookie of its own, which is good for all paths: else browsers
    # would not take the prefix.
    name = COOKIE + public_path(request).replace("/", ".")
    # Under this prefix browsers take no cookie that another host of the domain, or anyone on the
    # way of a plain HTTP request, has planted.
    return f"__Host-{name}" if SETTINGS.of(request.app).behind_tls else name


def _is_secure(request: Request) -> bool:
    return SETTINGS.of(request.app).behind_tls or request.url.scheme == "https"


def csrf_token(request: Request, cookie: str | None) -> str:
    """Return the token that forms must carry together with this cookie; "" without one.

    It is keyed: whoever plants a cookie of their own in a browser does not know its token.
    """
    if not cookie:
        return ""
    return hmac.new(CSRF_KEY.of(request.app), cookie.encode(), hashlib.sha256).hexdigest()


async def check_csrf(request: Request) -> None:
    """Raise Refused unless the request carries the cookie's CSRF token.

    The token is in the header or in a field of the form.
    """
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    ):
        given = str((await request.form()).get(CSRF_FIELD, ""))
    expected = csrf_token(request, sent_cookie(request))
    if not expected or not hmac.compare_digest(expected.encode(), (given or "").encode()):
        raise Refused("no CSRF token, or an outdated one: reload the page and try again")
