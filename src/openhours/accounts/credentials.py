"""Callers: an API key, a user's token or a browser's cookie, and what they may do."""

import base64
import binascii
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.audit import audit
from openhours.accounts.browser_sessions import sent_cookie, signed_in
from openhours.accounts.key_guesses import KeyGuesses
from openhours.accounts.keys import KeyRing, Scopes, ValidKey
from openhours.accounts.signing_key import signing_key
from openhours.accounts.throttle import Limit
from openhours.accounts.tokens import AccessTokens, UserName, hash_of
from openhours.api.dependencies import Resource, address_of
from openhours.errors import Unauthenticated
from openhours.settings import Settings

MAX_KEY_GUESSES = Limit(100, timedelta(minutes=5))
NOTHING: Scopes = frozenset()


@dataclass(frozen=True)
class Caller:
    """The sender of a request: its scopes as a machine, its key's name, and its user, if any.

    `by_cookie`, `by_basic`: a browser may have said so by itself, perhaps at another site's
    bidding. It sends a token of ours with the cookie; to Basic it can add nothing.
    """

    scopes: Scopes = NOTHING
    user: UserName | None = None
    key_name: str | None = None
    by_cookie: bool = False
    by_basic: bool = False

    @property
    def known(self) -> bool:
        return bool(self.scopes) or self.user is not None

    @property
    def name(self) -> str:
        """Return the name of the user or the key; `local` while there is no key."""
        return self.user.username if self.user else self.key_name or "local"

    def has(self, scope: str) -> bool:
        """Return whether the caller has the scope, or `admin`, which is all of them."""
        return scope in self.scopes or "admin" in self.scopes


class Accounts:
    """Everything that tells who a caller is."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.keys = KeyRing(engine, settings)
        self.tokens = AccessTokens(signing_key(settings))
        self._guesses = KeyGuesses(MAX_KEY_GUESSES)

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
            key = await self.find_key(_password(credential), request)
            if key is not None:
                return Caller(key.scopes, key_name=key.name, by_basic=True)
        elif scheme.lower() == "bearer":
            if credential.count(".") == 2:  # a user's token; an old one is no guess of a key
                user = self.tokens.user_of(credential)
                if user is not None:
                    return Caller(user=user)
            else:
                key = await self.find_key(credential, request)
                if key is not None:
                    return Caller(key.scopes, key_name=key.name)
        raise Unauthenticated("the credential is not valid, or no longer")

    async def find_key(self, key: str, request: Request) -> ValidKey | None:
        """Return the key's name and scopes, None if it is none.

        Raise TooManyRequests for an address that has sent too many that are none.
        """
        key_hash, address = hash_of(key), address_of(request)
        self._guesses.check(key_hash, address)
        valid = await self.keys.find(key_hash)
        if valid is None:
            self._guesses.fail(address)
            audit("API key", who="", where=address, outcome="not valid, or no longer")
        else:
            self._guesses.succeed(key_hash, address)
        return valid

    async def by_cookie(self, request: Request) -> Caller | None:
        """Return the caller that the browser's cookie names; None without a valid one."""
        cookie = sent_cookie(request)
        found = await signed_in(self.engine, cookie) if cookie else None
        if found is None:
            return None
        if found.key_hash is None:
            return Caller(user=found.user, by_cookie=True)
        key = await self.keys.find(found.key_hash)
        return None if key is None else Caller(key.scopes, key_name=key.name, by_cookie=True)


def _password(credential: str) -> str:
    """Return the password of a Basic credential; "" if it is not one."""
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


ACCOUNTS: Resource[Accounts] = Resource("accounts")
