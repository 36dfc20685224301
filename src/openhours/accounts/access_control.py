"""Access to routes: one table says what each needs, one dependency of all routes asks it.

The dependency runs before any other of a route. A route that the table does not list cannot be
open by oversight: the application does not start with it (`AccessTable.check`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from openhours.accounts.browser_sessions import check_csrf, sent_cookie
from openhours.accounts.credentials import ACCOUNTS, Accounts, Caller
from openhours.accounts.keys import EVERYTHING
from openhours.accounts.request_origin import host_of, is_local
from openhours.accounts.tokens import UserName
from openhours.api.dependencies import SETTINGS, Resource
from openhours.errors import Malformed, NotFound, OpenhoursError, Refused, Unauthenticated
from openhours.settings import Settings

_SAFE = ("GET", "HEAD", "OPTIONS")


class Needs(NamedTuple):
    """The need of a route.

    `open`: nothing. `known`: any valid credential. `user`: a user's. The others: an API key with
    that scope (or `admin`; for `metrics` also `report`). Before the first key is made, this machine
    may do all but `user`.
    `form`: a page posts it, with the page's CSRF token.
    """

    who: Literal[
        "open", "known", "user", "ingest", "track", "report", "correct", "metrics", "admin"
    ]
    form: bool = False

    def met_by(self, caller: Caller) -> bool:
        """Return whether the caller may use the route."""
        if self.who == "open":
            return True
        if self.who == "known":
            return caller.known
        if self.who == "user":
            return caller.user is not None
        return caller.has(self.who) or (self.who == "metrics" and caller.has("report"))


class AccessTable:
    """Routes, written `METHOD /path/{parameter}`, and what each needs."""

    def __init__(self, routes: Mapping[str, Needs]) -> None:
        self.routes = routes

    def of(self, method: str, path: str) -> Needs:
        """Return what the route with this path template needs.

        Raise NotFound for a route that was added after the check: nobody may use it.
        """
        needs = self.routes.get(f"{_as_get(method)} {path}")
        if needs is None:
            raise NotFound("Not Found")
        return needs

    def check(self, routers: Iterable[APIRouter]) -> None:
        """Raise LookupError for a route without a line here, and for a line without a route."""
        served = {
            f"{_as_get(method)} {route.path}"
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }
        if served != self.routes.keys():
            differing = ", ".join(sorted(served ^ self.routes.keys()))
            raise LookupError(f"routes and access table differ in: {differing}")


def _as_get(method: str) -> str:
    return "GET" if method == "HEAD" else method


ACCESS: Resource[AccessTable] = Resource("access")


async def admit(request: Request) -> Caller:
    """Return who is asking, if the table lets them use the route; the dependency of every route.

    Raise Unauthenticated, Refused or Malformed.
    """
    if not request.scope["query_string"].isascii():
        # Whatever builds a URL from the request would fail on it.
        raise Malformed("a query must be percent-encoded")
    needs = ACCESS.of(request.app).of(request.method, request.scope["route"].path)
    caller = Caller()
    if needs.who != "open":
        caller = await _caller(request, needs)
    request.state.caller = caller
    if needs.form or (caller.by_cookie and request.method not in _SAFE):
        await check_csrf(request)
    return caller


async def _caller(request: Request, needs: Needs) -> Caller:
    accounts: Accounts = ACCOUNTS.of(request.app)
    if needs.who != "user" and not await accounts.keys.has_keys():
        _refuse_other_machines(request, SETTINGS.of(request.app))
        caller = await accounts.by_cookie(request) or Caller()
        return replace(caller, scopes=EVERYTHING)
    try:
        caller = await accounts.by_header(request) or await accounts.by_cookie(request) or Caller()
    except Unauthenticated as error:
        raise Unauthenticated(str(error), _challenges(request, needs)) from None
    request.state.caller = caller  # a page that refuses them still says who they are
    if caller.by_basic:
        _refuse_other_sites(request)
    if not caller.known and not needs.met_by(caller):
        reason = "a credential is needed: Authorization: Bearer …"
        raise Unauthenticated(reason, _challenges(request, needs))
    if not needs.met_by(caller):
        raise _refusal(needs)
    return caller


def _refuse_other_machines(request: Request, settings: Settings) -> None:
    """Raise Refused, while no key exists, for other machines and for pages of other web sites.

    Other machines are answered under a name of OPENHOURS_ALLOWED_HOSTS, or under any name if the
    service is open and no names are listed.
    """
    named = host_of(request) in settings.allowed_hosts
    if not (named or is_local(request) or (settings.open and not settings.allowed_hosts)):
        raise Refused(
            "no API key has been made, so only programs on this machine are answered, under a "
            "local name and not through a proxy: make a key (openhours keys create --scope admin "
            "--name me), or list the names of this service in OPENHOURS_ALLOWED_HOSTS"
        )
    _refuse_other_sites(request)


def _refuse_other_sites(request: Request) -> None:
    """Raise Refused for a change that a page of an unlisted web site sends.

    Browsers attach an address, or the Basic credential they remember, to its requests, too.
    """
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    if origin is None:
        foreign = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    else:
        settings = SETTINGS.of(request.app)
        here = origin.partition("://")[2] == request.headers.get("host")
        foreign = not here and origin not in (settings.public_origin, *settings.cors_origins)
    if foreign:
        raise Refused("requests from pages of other web sites are refused")


def _challenges(request: Request, needs: Needs) -> str:
    """Return the schemes that a 401 offers: Basic where a key is valid, but not to a browser.

    Scripts such as wget send the key in their URL only once Basic is offered. A browser would ask
    for a name and a password in a dialog of its own instead of letting our page say what is wrong,
    and then remember them. Browsers say `Sec-Fetch-Mode`; over plain HTTP they do not, but our own
    pages' requests carry our cookie.
    """
    browser = "sec-fetch-mode" in request.headers or sent_cookie(request) is not None
    if needs.who == "user" or browser:
        return "Bearer"
    return 'Basic realm="openhours", charset="UTF-8", Bearer'


def _refusal(needs: Needs) -> OpenhoursError:
    if needs.who == "user":
        return Refused("only a user may do this, with the token from /login")
    return Refused(f"this credential does not have the scope: {needs.who}")


async def _user(caller: Annotated[Caller, Depends(admit)]) -> UserName:
    if caller.user is None:
        raise Unauthenticated("log in first")
    return caller.user


CurrentCaller = Annotated[Caller, Depends(admit)]
ServerAccounts = Annotated[Accounts, Depends(ACCOUNTS)]
CurrentUser = Annotated[UserName, Depends(_user)]
