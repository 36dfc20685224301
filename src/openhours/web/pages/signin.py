"""`/signin` with an API key or as a user, `/signup`, and `/signout`."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from openhours.accounts.access_control import ServerAccounts
from openhours.accounts.api import Registration, address_of
from openhours.accounts.browser_sessions import COOKIE, set_cookie, sign_in, sign_out
from openhours.accounts.tokens import UserName, hash_of
from openhours.accounts.users import Username, login, register
from openhours.api.dependencies import ServerSettings
from openhours.api.error_responses import readable_message, refusal_response
from openhours.errors import OpenhoursError, Refused, Unauthenticated, invalid
from openhours.settings import Settings
from openhours.web.errors import copy_headers
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_username: TypeAdapter[str] = TypeAdapter(Username)


def _inside(path: str) -> str:
    """The path if it is one of this service, else `/`: signing in sends nobody elsewhere."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good else "/"


@router.get("/signin")
async def show(
    request: Request, settings: ServerSettings, next: Annotated[str, Query()] = "/"
) -> Response:
    """The forms."""
    return _forms(request, settings, next)


def _forms(
    request: Request, settings: Settings, next: str, refusal: OpenhoursError | None = None
) -> Response:
    answer = None if refusal is None else refusal_response(refusal)
    response = page(
        request,
        "signin.html",
        200 if answer is None else answer.status_code,
        next=_inside(next),
        problem="" if refusal is None else str(refusal),
        registration=settings.registration,
    )
    if answer is not None:
        copy_headers(answer, response)
    return response


def _after(next: str) -> str:
    """Where a user goes: the overview is for keys."""
    inside = _inside(next)
    return "/timer" if inside == "/" else inside


@router.post("/signin")
async def enter(
    request: Request,
    accounts: ServerAccounts,
    settings: ServerSettings,
    key: Annotated[str, Form(max_length=1000)] = "",
    username: Annotated[str, Form(max_length=1000)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in, and go on to where the visitor wanted to be."""
    key = key.strip()
    try:
        if key:
            if await accounts.keys.scopes(hash_of(key)) is None:
                raise Unauthenticated("this key is not valid, or no longer")
            cookie = await sign_in(accounts.engine, key_hash=hash_of(key))
        else:
            user = await _user(request, accounts, username.strip(), password)
            cookie = await sign_in(accounts.engine, user=user)
    except OpenhoursError as error:
        return _forms(request, settings, next, error)
    response = RedirectResponse(_inside(next) if key else _after(next), 303)
    set_cookie(request, response, cookie)  # a new one: what was known before is worth nothing
    return response


async def _user(
    request: Request, accounts: ServerAccounts, username: str, password: str
) -> UserName:
    try:
        username = _username.validate_python(username)
    except ValidationError:
        raise Unauthenticated("wrong username or password") from None
    return await login(accounts.engine, username, password, address_of(request))


@router.post("/signup")
async def sign_up(
    request: Request,
    accounts: ServerAccounts,
    settings: ServerSettings,
    username: Annotated[str, Form(max_length=1000)],
    password: Annotated[str, Form(max_length=1024)],
    timezone: Annotated[str, Form(max_length=100)] = "UTC",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Make an account, and sign in with it."""
    try:
        if not settings.registration:
            raise Refused("registration is switched off")
        new = _registration(username.strip(), password, timezone.strip())
        user = await register(accounts.engine, new.username, new.password, new.timezone)
    except OpenhoursError as error:
        return _forms(request, settings, next, error)
    response = RedirectResponse(_after(next), 303)
    set_cookie(request, response, await sign_in(accounts.engine, user=user))
    return response


def _registration(username: str, password: str, timezone: str) -> Registration:
    try:
        return Registration(username=username, password=password, timezone=timezone)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][0])
        raise invalid(f"{field}: {readable_message(problem['msg'])}", field) from None


@router.post("/signout")
async def leave(request: Request, accounts: ServerAccounts) -> Response:
    """Sign out, everywhere that has this cookie."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        await sign_out(accounts.engine, cookie)
    response = RedirectResponse("/signin", 303)
    response.delete_cookie(COOKIE)
    return response
