"""The one place where access is granted: what the table does not list, does not exist.

The guard stands before the router and before any body is read. It knows each route by method and
path, so a route that nobody listed answers 404, and cannot be open by oversight.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from openhours.accounts.browser_sessions import COOKIE, check_csrf
from openhours.accounts.credentials import Accounts, BadCredential, Caller, unauthorized
from openhours.accounts.keys import EVERYTHING
from openhours.api.http import path_pattern
from openhours.api.negotiation import wants_page
from openhours.settings import Settings

SAFE = ("GET", "HEAD", "OPTIONS")


class Needs(NamedTuple):
    """What a route needs.

    `open`: nothing. `known`: any good credential. `user`: a user's. The others: an API key with
    that scope (or `admin`). Before the first key is made, this machine may do all but `user`.
    `form`: it is posted by a page, with the page's CSRF token.
    """

    who: Literal["open", "known", "user", "ingest", "track", "report", "admin"]
    form: bool = False

    def met_by(self, caller: Caller) -> bool:
        """Whether the caller may use the route."""
        if self.who == "known":
            return caller.known
        if self.who == "user":
            return caller.user is not None
        return self.who in caller.scopes or "admin" in caller.scopes


class AccessTable:
    """Routes, written `METHOD /path/{parameter}`, and what each needs."""

    def __init__(self, routes: Mapping[str, Needs]) -> None:
        self.routes = routes
        self._plain: dict[str, dict[str, Needs]] = {}
        self._patterns: list[tuple[re.Pattern[str], str, dict[str, Needs]]] = []
        by_path: dict[str, dict[str, Needs]] = {}
        for route, needs in routes.items():
            method, path = route.split(" ", 1)
            by_path.setdefault(path, {})[method] = needs
        for path, methods in by_path.items():
            if "{" in path:
                self._patterns.append((path_pattern(path), path, methods))
            else:
                self._plain[path] = methods

    def find(self, scope: Scope, path: str) -> Needs:
        """What the route needs; HTTPException 404 or 405 when there is none.

        Leaves the route's template in the scope: whom the guard refuses, no router sees.
        """
        found = self._methods(path)
        if found is None and path.endswith("/"):
            found = self._methods(path[:-1])  # the router redirects
        if found is None:
            raise HTTPException(404, "Not Found")
        scope["openhours.template"], listed = found
        method = scope["method"]
        needs = listed.get("GET" if method == "HEAD" else method)
        if needs is None:
            raise HTTPException(405, "Method Not Allowed", {"Allow": ", ".join(sorted(listed))})
        return needs

    def _methods(self, path: str) -> tuple[str, dict[str, Needs]] | None:
        plain = self._plain.get(path)
        if plain is not None:
            return path, plain
        # Several patterns may fit (`/{name}` and `/{name}.csv`): together they are what is there.
        found = [
            (name, methods) for pattern, name, methods in self._patterns if pattern.match(path)
        ]
        if not found:
            return None
        together: dict[str, Needs] = {}
        for _, methods in reversed(found):
            together |= methods
        return found[0][0], together


class Guard:
    """Lets through to the router what the table allows; leaves the caller in the scope."""

    def __init__(self, router: ASGIApp, table: AccessTable, settings: Settings) -> None:
        self._router = router
        self._table = table
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise HTTPException: 401, 403, 404, 405."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # none is listed
            return
        if scope["type"] == "http":
            request = Request(scope, receive)
            if not scope["query_string"].isascii():
                # Whatever builds a URL from the request would fail on it, with a 500.
                raise HTTPException(400, "a query must be percent-encoded")
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            needs = self._table.find(scope, path)
            needs_csrf = needs.form
            if needs.who != "open":
                caller = await self._admit(request, needs)
                scope["openhours.caller"] = caller
                needs_csrf |= caller.by_cookie and scope["method"] not in SAFE
            if needs_csrf:
                receive = await check_csrf(request)
        await self._router(scope, receive, send)

    async def _admit(self, request: Request, needs: Needs) -> Caller:
        accounts: Accounts = request.app.state.accounts
        if needs.who != "user" and not await accounts.keys.has_keys():
            self._refuse_strangers(request)
            caller = await accounts.by_cookie(request) or Caller()
            return replace(caller, scopes=EVERYTHING)
        try:
            by_header = await accounts.by_header(request)
        except BadCredential:
            reason = "the credential is not valid, or no longer"
            raise unauthorized(reason, _challenges(request, needs)) from None
        caller = by_header or await accounts.by_cookie(request) or Caller()
        if caller.by_basic:
            self._refuse_other_sites(request)
        if not needs.met_by(caller):
            raise _refusal(request, needs, caller)
        return caller

    def _refuse_strangers(self, request: Request) -> None:
        """Without any key only this machine is answered, and not at another web site's bidding."""
        if not self._settings.open and not _is_local(request):
            raise HTTPException(
                403,
                "no API key has been made, so only this machine is answered: make one "
                "(openhours keys create --scope admin --name me) or set OPENHOURS_OPEN=1",
            )
        self._refuse_other_sites(request)

    def _refuse_other_sites(self, request: Request) -> None:
        """Raise HTTPException 403 for a change that a page of an unlisted web site asks for.

        Browsers attach an address, or the Basic credential they remember, to its requests, too.
        """
        if request.method in SAFE:
            return
        origin = request.headers.get("origin")
        if origin is None:
            foreign = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
        else:
            here = origin.partition("://")[2] == request.headers.get("host")
            foreign = not here and origin not in self._settings.cors_origins
        if foreign:
            raise HTTPException(403, "a page of another web site may not ask this")


def _challenges(request: Request, needs: Needs) -> str:
    """Return the schemes that a 401 offers: Basic where a key is good, but not to a browser.

    Scripts such as wget send the key in their URL only once Basic is offered. A browser would ask
    for a name and a password in a dialog of its own instead of letting our page say what is wrong,
    and then remember them. Browsers say `Sec-Fetch-Mode`; over plain HTTP they do not, but our own
    pages' requests carry our cookie.
    """
    browser = "sec-fetch-mode" in request.headers or COOKIE in request.cookies
    if needs.who == "user" or browser:
        return "Bearer"
    return 'Basic realm="openhours", charset="UTF-8", Bearer'


def _refusal(request: Request, needs: Needs, caller: Caller) -> HTTPException:
    if not caller.known:
        if request.method == "GET" and wants_page(request.scope):
            query = request.scope["query_string"].decode("latin-1")
            here = quote(request.scope["path"]) + (f"?{query}" if query else "")
            to = f"/signin?next={quote(here, safe='/')}"
            return HTTPException(303, "sign in", {"Location": to, "Cache-Control": "no-store"})
        reason = "a credential is needed: Authorization: Bearer …"
        return unauthorized(reason, _challenges(request, needs))
    if needs.who == "user":
        return HTTPException(403, "only a user may do this, with the token from /login")
    return HTTPException(403, f"this credential does not have the scope: {needs.who}")


def _is_local(request: Request) -> bool:
    """Whether the request came to a loopback address, under a name that only this machine uses.

    The name matters, too: a web site may give its own name this machine's address.
    """
    server: Any = request.scope.get("server")
    try:
        at = ipaddress.ip_address(server[0])
    except (TypeError, ValueError):
        return True  # a socket file, or no network at all
    name = (request.url.hostname or "").lower().rstrip(".")
    return at.is_loopback and (name == "localhost" or is_loopback(name))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
