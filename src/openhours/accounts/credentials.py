"""Callers: an API key, a user's token or a browser's cookie, and what they may do."""

import base64
import binascii
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.browser_sessions import COOKIE, signed_in
from openhours.accounts.keys import KeyRing, Scopes
from openhours.accounts.signing_key import signing_key
from openhours.accounts.tokens import AccessTokens, UserName, hash_of
from openhours.api.dependencies import Resource
from openhours.errors import Unauthenticated
from openhours.settings import Settings

NOTHING: Scopes = frozenset()


@dataclass(frozen=True)
class Caller:
    """The sender of a request: its scopes as a machine, and the user it acts for, if any.

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


class Accounts:
    """Everything that tells who a caller is."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.keys = KeyRing(engine, settings)
        self.tokens = AccessTokens(signing_key(settings))

    async def by_header(self, request: Request) -> Caller | None:
        """Return whom `Authorization` names, None without it; raise
        Unauthenticated.

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
        raise Unauthenticated("the credential is not valid, or no longer")

    async def by_cookie(self, request: Request) -> Caller | None:
        """Return the caller that the browser's cookie names; None without a valid one."""
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


ACCOUNTS: Resource[Accounts] = Resource("accounts")
