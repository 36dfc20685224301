"""Who is asking: an API key, a user's token, or a browser's cookie -> what they may do."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.browser_sessions import COOKIE, signed_in
from openhours.accounts.keys import KeyRing, Scopes
from openhours.accounts.signing_key import the_secret
from openhours.accounts.tokens import AccessTokens, UserName, hash_of
from openhours.settings import Settings

NOTHING: Scopes = frozenset()


@dataclass(frozen=True)
class Caller:
    """Who is asking: what they may do as a machine, and which user they are, if one.

    `by_cookie`, `by_basic`: a browser may have said so by itself, perhaps at another site's
    bidding. It sends a token of ours with the cookie; to Basic it can add nothing.
    """

    scopes: Scopes = NOTHING
    user: UserName | None = None
    by_cookie: bool = False
    by_basic: bool = False

    @property
    def known(self) -> bool:
        return bool(self.scopes) or self.user is not None


class BadCredential(Exception):
    """`Authorization` has a credential that is not valid, or no longer."""


class Accounts:
    """What the process needs to know callers: in `app.state.accounts` while it runs."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.keys = KeyRing(engine, settings)
        self.tokens = AccessTokens(the_secret(settings))

    async def by_header(self, request: Request) -> Caller | None:
        """Return whom `Authorization` names, None without it; raise BadCredential if not good.

        A key is also taken as the password of HTTP Basic, under any name, so that
        `http://any:KEY@host/track` is all that a script needs.
        """
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, credential = header.partition(" ")
        credential = credential.strip()
        if scheme.lower() == "basic":
            scopes = await self.keys.scopes(hash_of(_password(credential)))
            if scopes is not None:
                return Caller(scopes, by_basic=True)
        elif scheme.lower() == "bearer":
            scopes = await self.keys.scopes(hash_of(credential))
            if scopes is not None:
                return Caller(scopes)
            user = self.tokens.user_of(credential)
            if user is not None:
                return Caller(user=user)
        raise BadCredential

    async def by_cookie(self, request: Request) -> Caller | None:
        """Whom the browser's cookie names; None without one that is good."""
        cookie = request.cookies.get(COOKIE)
        found = await signed_in(self.engine, cookie) if cookie else None
        if found is None:
            return None
        if found.key_hash is None:
            return Caller(user=found.user, by_cookie=True)
        scopes = await self.keys.scopes(found.key_hash)
        return None if scopes is None else Caller(scopes, by_cookie=True)


def _password(credential: str) -> str:
    """Return the password of a Basic credential; "" if it is not one."""
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


def unauthorized(reason: str, challenges: str = "Bearer") -> HTTPException:
    """Return the answer to who has no credential, or a bad one."""
    return HTTPException(401, reason, {"WWW-Authenticate": challenges})


async def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope.get("openhours.caller", Caller())
    return caller


async def _user(caller: Annotated[Caller, Depends(_caller)]) -> UserName:
    if caller.user is None:
        raise unauthorized("log in first")
    return caller.user


TheAccounts = Annotated[Accounts, Depends(_accounts)]
# Set by the guard, which has already let the request pass.
TheCaller = Annotated[Caller, Depends(_caller)]
TheUser = Annotated[UserName, Depends(_user)]
