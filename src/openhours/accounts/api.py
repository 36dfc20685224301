"""Accounts over HTTP: register, log in, refresh, and the user's own profile."""

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import select

from openhours.accounts import administration
from openhours.accounts.access_control import CurrentUser, ServerAccounts
from openhours.accounts.audit import audit
from openhours.accounts.credentials import Accounts
from openhours.accounts.schemas import (
    Credentials,
    LoggedIn,
    Pair,
    PasswordChange,
    Profile,
    ProfileAnswer,
    ProfileChange,
    Refresh,
    Registration,
)
from openhours.accounts.tables import User
from openhours.accounts.tokens import UserName, make_refresh_token, use_refresh_token
from openhours.accounts.users import change_timezone, login, register
from openhours.api.dependencies import ClientAddress, ServerSettings
from openhours.api.json_body import json_example
from openhours.errors import Refused, Unauthenticated, located

router = APIRouter(prefix="/api/v1/user", tags=["accounts"])

_ZONE_EXAMPLE = {"timezone": "Europe/Berlin"}
_EXAMPLE = {"username": "zoe", "password": "correct horse"}


def _error(description: str) -> dict[str, Any]:
    return {"description": description}


@router.post(
    "/register",
    responses={
        403: _error("Registration is switched off."),
        409: _error("The username is taken."),
        429: _error("Too many registrations from this address; see `Retry-After`."),
    },
    openapi_extra=json_example(_EXAMPLE | _ZONE_EXAMPLE),
)
async def register_user(
    accounts: ServerAccounts, settings: ServerSettings, new: Registration, address: ClientAddress
) -> LoggedIn:
    """Make an account and log in. Usernames that differ in letter case only are the same."""
    if not settings.registration:
        raise Refused("registration is switched off")
    with located("body"):
        user = await register(accounts.engine, new.username, new.password, new.timezone, address)
    return await _log_in(accounts, user)


@router.post(
    "/login",
    responses={
        401: _error("Wrong username or password."),
        429: _error(
            "Too many attempts from this address, or for this username; see `Retry-After`."
        ),
    },
    openapi_extra=json_example(_EXAMPLE),
)
async def log_in(accounts: ServerAccounts, given: Credentials, address: ClientAddress) -> LoggedIn:
    """Get tokens for a username and its password."""
    user = await login(accounts.engine, given.username, given.password, address)
    return await _log_in(accounts, user)


@router.post(
    "/refresh",
    responses={401: _error("Not valid, expired, or used before.")},
    openapi_extra=json_example({"refresh_token": "the refresh_token of the last answer"}),
)
async def refresh_token(
    accounts: ServerAccounts, given: Refresh, address: ClientAddress
) -> LoggedIn:
    """Get new tokens for a refresh token. A second use of one revokes all that followed from it."""
    try:
        user, refresh_token = await use_refresh_token(accounts.engine, given.refresh_token)
    except Unauthenticated:
        audit("refresh", who="", where=address, outcome="not valid, or used before")
        raise
    audit("refresh", who=user.username, where=address, outcome="ok")
    return _answer(accounts, user, refresh_token)


async def _log_in(accounts: Accounts, user: UserName) -> LoggedIn:
    async with accounts.engine.begin() as connection:
        refresh_token = await make_refresh_token(connection, user.id)
    return _answer(accounts, user, refresh_token)


def _answer(accounts: Accounts, user: UserName, refresh_token: str) -> LoggedIn:
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
    await change_timezone(accounts.engine, user, change.timezone)
    return await get_profile(accounts, user)


@router.put(
    "/password",
    responses={401: _error("No valid token, or the old password is wrong.")},
    openapi_extra=json_example({"old_password": "correct horse", "new_password": "battery staple"}),
)
async def change_password(
    accounts: ServerAccounts, user: CurrentUser, change: PasswordChange, address: ClientAddress
) -> LoggedIn:
    """Change the password, and return new tokens. All other sessions of the user end."""
    with located("body"):
        await administration.change_password(
            accounts.engine, user, change.old_password, change.new_password, address
        )
    return await _log_in(accounts, user)


@router.post("/sign_out_everywhere", status_code=204, response_class=Response)
async def sign_out_everywhere(
    accounts: ServerAccounts, user: CurrentUser, address: ClientAddress
) -> None:
    """End all sessions of the user. An access token stays good for its 15 minutes."""
    await administration.sign_out_everywhere(accounts.engine, user, address)
