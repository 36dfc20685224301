"""`/signin` as a user or with an API key, `/signup`, and `/signout`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from openhours.accounts.access_control import ServerAccounts
from openhours.accounts.audit import audit
from openhours.accounts.browser_sessions import (
    delete_cookie,
    sent_cookie,
    set_cookie,
    sign_in,
    sign_out,
)
from openhours.accounts.credentials import Caller
from openhours.accounts.schemas import Registration
from openhours.accounts.tokens import UserName, hash_of
from openhours.accounts.users import Username, login, register
from openhours.api.dependencies import ClientAddress, ServerSettings
from openhours.api.error_responses import refusal_response
from openhours.errors import Conflict, OpenhoursError, Refused, Unauthenticated
from openhours.settings import Settings
from openhours.web.errors import copy_headers
from openhours.web.forms import validated, wrong_fields
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_username: TypeAdapter[str] = TypeAdapter(Username)


def _inside(path: str) -> str:
    """Return the path if it is one of this service, else `/`: no redirect leads elsewhere."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good else "/"


@router.get("/signin")
async def show(
    request: Request,
    accounts: ServerAccounts,
    settings: ServerSettings,
    next: Annotated[str, Query()] = "/",
) -> Response:
    """Show the forms, also to who has signed in: as somebody else."""
    request.state.caller = await accounts.by_cookie(request) or Caller()
    return _forms(request, settings, next)


def _forms(
    request: Request,
    settings: Settings,
    next: str,
    refusal: OpenhoursError | None = None,
    wrong: Mapping[str, str] = MappingProxyType({}),
    **sent: str,
) -> Response:
    """Return the page, after a refusal with what is `wrong` and with what was `sent`, no secrets.

    Both are by the ids of the fields.
    """
    answer = None if refusal is None else refusal_response(refusal)
    response = page(
        request,
        "signin.html",
        200 if answer is None else answer.status_code,
        next=_inside(next),
        wrong=wrong,
        sent=sent,
        registration=settings.registration,
    )
    if answer is not None:
        copy_headers(answer, response)
    return response


def _after(next: str) -> str:
    """Return where a user goes: the overview needs a key."""
    inside = _inside(next)
    return "/timer" if inside == "/" else inside


@router.post("/signin")
async def enter(
    request: Request,
    accounts: ServerAccounts,
    settings: ServerSettings,
    address: ClientAddress,
    key: Annotated[str, Form(max_length=1000)] = "",
    username: Annotated[str, Form(max_length=1000)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in, and redirect to the page that was wanted."""
    key = key.strip()
    try:
        if key:
            if await accounts.find_key(key, request) is None:
                raise Unauthenticated("this key is not valid, or was revoked")
            audit("login", who="an API key", where=address, outcome="ok")
            cookie = await sign_in(accounts.engine, key_hash=hash_of(key))
        else:
            user = await _user(accounts, username.strip(), password, address)
            cookie = await sign_in(accounts.engine, user=user)
    except OpenhoursError as error:
        wrong = wrong_fields(error, "key") if key else wrong_fields(error)
        return _forms(request, settings, next, error, wrong, username=username)
    response = RedirectResponse(_inside(next) if key else _after(next), 303)
    set_cookie(request, response, cookie)  # a new one: a cookie set before signing in is worthless
    return response


async def _user(accounts: ServerAccounts, username: str, password: str, address: str) -> UserName:
    try:
        username = _username.validate_python(username)
    except ValidationError:
        audit("login", who="", where=address, outcome="no possible username")
        raise Unauthenticated("wrong username or password") from None
    return await login(accounts.engine, username, password, address)


@router.post("/signup")
async def sign_up(
    request: Request,
    accounts: ServerAccounts,
    settings: ServerSettings,
    address: ClientAddress,
    username: Annotated[str, Form(max_length=1000)],
    password: Annotated[str, Form(max_length=1024)],
    timezone: Annotated[str, Form(max_length=100)] = "UTC",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Create an account, and sign in as its user."""
    try:
        if not settings.registration:
            raise Refused("registration is switched off")
        values = {"username": username.strip(), "password": password, "timezone": timezone.strip()}
        new = validated(Registration, values)
        user = await register(accounts.engine, new.username, new.password, new.timezone, address)
    except OpenhoursError as error:
        taken = isinstance(error, Conflict)
        wrong = {"new-username": str(error)} if taken else wrong_fields(error, "new-")
        sent = {"new-username": username, "new-timezone": timezone}
        return _forms(request, settings, next, error, wrong, **sent)
    response = RedirectResponse(_after(next), 303)
    set_cookie(request, response, await sign_in(accounts.engine, user=user))
    return response


@router.post("/signout")
async def leave(request: Request, accounts: ServerAccounts) -> Response:
    """Sign out wherever this cookie is in use."""
    cookie = sent_cookie(request)
    if cookie:
        await sign_out(accounts.engine, cookie)
    response = RedirectResponse("/signin", 303)
    delete_cookie(request, response)
    return response
