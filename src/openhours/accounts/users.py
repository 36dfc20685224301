"""Registering and logging in."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pytz import all_timezones_set
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.audit import audit
from openhours.accounts.passwords import is_common, is_right, make_hash
from openhours.accounts.tables import User
from openhours.accounts.throttle import count_attempt, count_registration, forgive_attempt
from openhours.accounts.tokens import UserName
from openhours.errors import Conflict, Refused, TooManyRequests, Unauthenticated, invalid


def username_key(username: str) -> str:
    """Return the form in which usernames are compared, without letter case and compatible forms."""
    return unicodedata.normalize("NFKC", username).casefold()


def _good_username(username: str) -> str:
    if any(unicodedata.category(letter)[0] == "C" for letter in username):
        raise ValueError("a username has no control or invisible characters")
    if username != username.strip():
        raise ValueError("a username neither begins nor ends with a space")
    # It is a part of paths, beside `<username>.csv`.
    if "/" in username or "\\" in username or username in (".", ".."):
        raise ValueError("a username has no slash and is not a dot")
    if username_key(username).endswith(".csv"):
        raise ValueError("a username does not end with .csv")
    return username


def _known_timezone(name: str) -> str:
    if name not in all_timezones_set:
        raise ValueError("not an IANA time zone, such as Europe/Berlin")
    return name


Username = Annotated[
    str,
    Field(min_length=1, max_length=64, examples=["zoe"]),
    AfterValidator(_good_username),
]
Timezone = Annotated[str, AfterValidator(_known_timezone), Field(examples=["Europe/Berlin"])]


async def register(
    engine: AsyncEngine, username: str, password: str, timezone: str, address: str
) -> UserName:
    """Return a new user.

    Raise Invalid for a password that many people have, Conflict when the username is taken,
    TooManyRequests after too many registrations from the address.
    """
    refuse_weak(password, username, "password")
    try:
        await count_registration(engine, address)
    except TooManyRequests:
        audit("register", who="", where=address, outcome="too many registrations")
        raise
    values = {
        "username": username,
        "username_key": username_key(username),
        "password_hash": await make_hash(password),
        "timezone": timezone,
    }
    async with engine.begin() as connection:
        made = await connection.scalar(
            insert(User).values(values).on_conflict_do_nothing().returning(User.id)
        )
    if made is None:
        audit("register", who=username, where=address, outcome="the username is taken")
        raise Conflict("this username is taken")
    audit("register", who=username, where=address, outcome="ok")
    return UserName(made, username)


def refuse_weak(password: str, username: str, path: str) -> None:
    """Raise Invalid, with the path, for a password that many people have."""
    if is_common(password) or username_key(password) == username_key(username):
        raise invalid("too common, or the username: choose another password", path)


async def login(engine: AsyncEngine, username: str, password: str, address: str) -> UserName:
    """Return the user with this password.

    Raise as `check_password`.
    """
    user = await check_password(engine, username, password, address, action="login")
    audit("login", who=user.username, where=address, outcome="ok")
    return user


async def check_password(
    engine: AsyncEngine, username: str, password: str, address: str, *, action: str
) -> UserName:
    """Return the user with this password. `action` is what failures are called in the audit log.

    Raise Unauthenticated, TooManyRequests after too many attempts, Refused for an account that is
    disabled.

    A user who does not exist is answered as one with another password, after the same time.
    """
    key = username_key(username)
    try:
        await count_attempt(engine, key, address)
    except TooManyRequests:
        audit(action, who="", where=address, outcome="too many attempts")
        raise
    query = select(User.id, User.username, User.password_hash, User.disabled_at)
    async with engine.connect() as connection:
        row = (await connection.execute(query.where(User.username_key == key))).one_or_none()
    if not await is_right(password, row.password_hash if row else None) or row is None:
        audit(action, who=row.username if row else "", where=address, outcome="wrong password")
        raise Unauthenticated("wrong username or password")
    await forgive_attempt(engine, key, address)
    if row.disabled_at is not None:
        audit(action, who=row.username, where=address, outcome="the account is disabled")
        raise Refused("this account is disabled")
    return UserName(row.id, row.username)


async def find_timezone(connection: AsyncConnection, user: UserName) -> str:
    """Return the user's time zone; raise Unauthenticated if the account was deleted."""
    timezone = await connection.scalar(select(User.timezone).where(User.id == user.id))
    if timezone is None:
        raise Unauthenticated("this account no longer exists")
    return timezone


async def change_timezone(engine: AsyncEngine, user: UserName, timezone: str) -> None:
    """Change where the user's days begin and end, for all of their sessions."""
    async with engine.begin() as connection:
        await connection.execute(update(User).where(User.id == user.id).values(timezone=timezone))
