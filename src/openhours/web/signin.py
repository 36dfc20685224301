"""`/signin` with an API key or as a user, and `/signout`."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from openhours.accounts.api import address_of
from openhours.accounts.credentials import TheAccounts
from openhours.accounts.signins import COOKIE, set_cookie, sign_in, sign_out
from openhours.accounts.tokens import UserName, hash_of
from openhours.accounts.users import Username, login
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_username: TypeAdapter[str] = TypeAdapter(Username)


def _inside(path: str) -> str:
    """The path if it is one of this service, else `/`: signing in sends nobody elsewhere."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good else "/"


@router.get("/signin")
async def show(request: Request, next: Annotated[str, Query()] = "/") -> Response:
    """The form."""
    return page(request, "signin.html", next=_inside(next), problem="")


@router.post("/signin")
async def enter(
    request: Request,
    accounts: TheAccounts,
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
                raise HTTPException(401, "this key is not valid, or no longer")
            cookie = await sign_in(accounts.engine, key_hash=hash_of(key))
        else:
            user = await _user(request, accounts, username.strip(), password)
            cookie = await sign_in(accounts.engine, user=user)
    except HTTPException as error:
        response: Response = page(
            request, "signin.html", error.status_code, next=_inside(next), problem=error.detail
        )
        response.headers.update(error.headers or {})
        return response
    response = RedirectResponse(_inside(next), 303)
    set_cookie(request, response, cookie)  # a new one: what was known before is worth nothing
    return response


async def _user(request: Request, accounts: TheAccounts, username: str, password: str) -> UserName:
    try:
        username = _username.validate_python(username)
    except ValidationError:
        raise HTTPException(401, "wrong username or password") from None
    return await login(accounts.engine, username, password, address_of(request))


@router.post("/signout")
async def leave(request: Request, accounts: TheAccounts) -> Response:
    """Sign out, everywhere that has this cookie."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        await sign_out(accounts.engine, cookie)
    response = RedirectResponse("/signin", 303)
    response.delete_cookie(COOKIE)
    return response
