"""Accounts over HTTP: register, log in, refresh, and the user's own profile."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from openhours.accounts.access_control import CurrentUser, ServerAccounts
from openhours.accounts.credentials import Accounts
from openhours.accounts.tables import User
from openhours.accounts.tokens import UserName, make_refresh_token, use_refresh_token
from openhours.accounts.users import Timezone, Username, login, register
from openhours.api.dependencies import ServerSettings
from openhours.api.json_body import json_example
from openhours.errors import Refused, Unauthenticated
from openhours.times import Instant

router = APIRouter(prefix="/api/v1/user", tags=["accounts"])

_ZONE_EXAMPLE = {"timezone": "Europe/Berlin"}
_EXAMPLE = {"username": "zoe", "password": "correct horse"}


def _error(description: str) -> dict[str, Any]:
    return {"description": description}


class Credentials(BaseModel):
    """A username, in any letter case, and the password."""

    username: Username
    password: Annotated[str, Field(min_length=1, max_length=1024, examples=["correct horse"])]


class Registration(BaseModel):
    """A new user. The time zone says where their days begin and end."""

    username: Username
    password: Annotated[str, Field(min_length=8, max_length=1024, examples=["correct horse"])]
    timezone: Timezone = "UTC"


class Refresh(BaseModel):
    """The newest refresh token: each is good for one use."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class Pair(BaseModel):
    """A user with new tokens: `token` for 15 minutes, `refresh_token` for 30 days."""

    username: Annotated[str, Field(examples=["zoe"])]
    refresh_token: str
    token: str


class LoggedIn(BaseModel):
    """What register, login and refresh answer."""

    user: Pair


class Profile(BaseModel):
    """What a user may know and change of themselves."""

    model_config = ConfigDict(populate_by_name=True)

    username: Annotated[str, Field(examples=["zoe"])]
    timezone: Timezone
    created_at: Annotated[Instant, Field(alias="createdAt")]


class ProfileAnswer(BaseModel):
    """A user's profile."""

    user: Profile


class ProfileChange(BaseModel):
    """What to change."""

    model_config = ConfigDict(extra="forbid")

    timezone: Timezone


def address_of(request: Request) -> str:
    """Return the address the request came from, as far as it is known."""
    return request.client.host if request.client else ""


@router.post(
    "/register",
    responses={
        403: _error("Registration is switched off."),
        409: _error("The username is taken."),
    },
    openapi_extra=json_example(_EXAMPLE | _ZONE_EXAMPLE),
)
async def register_user(
    response: Response, accounts: ServerAccounts, settings: ServerSettings, new: Registration
) -> LoggedIn:
    """Make an account and log in. Usernames that differ in letter case only are the same."""
    if not settings.registration:
        raise Refused("registration is switched off")
    user = await register(accounts.engine, new.username, new.password, new.timezone)
    return await _log_in(response, accounts, user)


@router.post(
    "/login",
    responses={
        401: _error("Wrong username or password."),
        429: _error("Too many attempts by this username or address; see `Retry-After`."),
    },
    openapi_extra=json_example(_EXAMPLE),
)
async def log_in(
    request: Request, response: Response, accounts: ServerAccounts, given: Credentials
) -> LoggedIn:
    """Get tokens for a username and its password."""
    user = await login(accounts.engine, given.username, given.password, address_of(request))
    return await _log_in(response, accounts, user)


@router.post(
    "/refresh",
    responses={401: _error("Not valid, expired, or used before.")},
    openapi_extra=json_example({"refresh_token": "the refresh_token of the last answer"}),
)
async def refresh(response: Response, accounts: ServerAccounts, given: Refresh) -> LoggedIn:
    """Get new tokens for a refresh token. A second use of one revokes all that followed from it."""
    user, refresh_token = await use_refresh_token(accounts.engine, given.refresh_token)
    return _answer(response, accounts, user, refresh_token)


async def _log_in(response: Response, accounts: Accounts, user: UserName) -> LoggedIn:
    async with accounts.engine.begin() as connection:
        refresh_token = await make_refresh_token(connection, user.id)
    return _answer(response, accounts, user, refresh_token)


def _answer(response: Response, accounts: Accounts, user: UserName, refresh_token: str) -> LoggedIn:
    response.headers["Cache-Control"] = "no-store"
    token = accounts.tokens.make(user)
    return LoggedIn(user=Pair(username=user.username, refresh_token=refresh_token, token=token))


@router.get("")
async def get_profile(accounts: ServerAccounts, user: CurrentUser) -> ProfileAnswer:
    """Return the user's name and time zone."""
    query = select(User.username, User.timezone, User.created_at).where(User.id == user.id)
    async with accounts.engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise Unauthenticated("this account no longer exists")
    return ProfileAnswer(user=Profile(**row._mapping))


@router.patch("", openapi_extra=json_example(_ZONE_EXAMPLE))
async def change_profile(
    accounts: ServerAccounts, user: CurrentUser, change: ProfileChange
) -> ProfileAnswer:
    """Change the time zone: overviews are cut at its midnights from now on, for all sessions."""
    async with accounts.engine.begin() as connection:
        await connection.execute(
            update(User).where(User.id == user.id).values(timezone=change.timezone)
        )
    return await get_profile(accounts, user)
