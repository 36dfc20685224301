"""What becomes of accounts: new passwords, ends of sessions, and what an operator does to users."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.audit import audit
from openhours.accounts.passwords import make_hash
from openhours.accounts.tables import RefreshToken, SignIn, User
from openhours.accounts.tokens import UserName, hash_of
from openhours.accounts.users import check_password, refuse_weak, username_key
from openhours.errors import NotFound, Unauthenticated


async def change_password(
    engine: AsyncEngine, user: UserName, old: str, new: str, address: str
) -> None:
    """Give the user another password, and end all of their sessions.

    Raise Unauthenticated for a wrong old one, TooManyRequests after too many, Invalid, with the
    path `new_password`, for a new one that many people have.
    """
    refuse_weak(new, user.username, "new_password")
    await check_password(engine, user.username, old, address, action="change password")
    await _set_password(engine, user.id, new)
    audit("change password", who=user.username, where=address, outcome="ok")


async def _set_password(engine: AsyncEngine, user_id: UUID, password: str) -> None:
    password_hash = await make_hash(password)
    async with engine.begin() as connection:
        changed = await connection.execute(
            update(User).where(User.id == user_id).values(password_hash=password_hash)
        )
        if changed.rowcount == 0:
            raise Unauthenticated("this account no longer exists")
        await _end_sessions(connection, user_id)


async def sign_out_everywhere(
    engine: AsyncEngine, user: UserName, address: str, keep_cookie: str | None = None
) -> None:
    """End all sessions of the user: cookies, but for one, and refresh tokens.

    An access token is good until it expires, 15 minutes at most.
    """
    async with engine.begin() as connection:
        await _end_sessions(connection, user.id, keep_cookie)
    audit("sign out everywhere", who=user.username, where=address, outcome="ok")


async def _end_sessions(
    connection: AsyncConnection, user_id: UUID, keep_cookie: str | None = None
) -> None:
    await connection.execute(delete(RefreshToken).where(RefreshToken.user_id == user_id))
    cookies = delete(SignIn).where(SignIn.user_id == user_id)
    if keep_cookie is not None:
        cookies = cookies.where(SignIn.hash != hash_of(keep_cookie))
    await connection.execute(cookies)


async def list_users(engine: AsyncEngine) -> Sequence[Row[str, str, datetime, datetime | None]]:
    """Return all users by their names: username, timezone, created_at, disabled_at."""
    query = select(User.username, User.timezone, User.created_at, User.disabled_at)
    async with engine.connect() as connection:
        return (await connection.execute(query.order_by(User.username_key))).all()


async def set_disabled(
    engine: AsyncEngine, username: str, disabled: bool, *, who: str, where: str
) -> None:
    """Disable an account, which ends its sessions, or enable it. Raise NotFound."""
    at = func.coalesce(User.disabled_at, func.now()) if disabled else None
    async with engine.begin() as connection:
        user = await _find(connection, username)
        await connection.execute(update(User).where(User.id == user.id).values(disabled_at=at))
        if disabled:
            await _end_sessions(connection, user.id)
    action = f"{'disable' if disabled else 'enable'} user {user.username}"
    audit(action, who=who, where=where, outcome="ok")


async def delete_user(engine: AsyncEngine, username: str, *, who: str, where: str) -> None:
    """Delete an account with all of its work sessions. Raise NotFound."""
    async with engine.begin() as connection:
        user = await _find(connection, username)
        await connection.execute(delete(User).where(User.id == user.id))
    audit(f"delete user {user.username}", who=who, where=where, outcome="ok")


async def set_password(
    engine: AsyncEngine, username: str, password: str, *, who: str, where: str
) -> None:
    """Give a user another password, and end their sessions. Raise NotFound or Invalid."""
    async with engine.connect() as connection:
        user = await _find(connection, username)
    refuse_weak(password, user.username, "password")
    await _set_password(engine, user.id, password)
    audit(f"set password of {user.username}", who=who, where=where, outcome="ok")


async def _find(connection: AsyncConnection, username: str) -> UserName:
    query = select(User.id, User.username).where(User.username_key == username_key(username))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"no user has the name {username}")
    return UserName(row.id, row.username)
