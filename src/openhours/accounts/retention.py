"""Deleting what is no longer good: sign-ins, refresh tokens, counted attempts, known addresses."""

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.throttle import KNOWN_FOR, MAX_WINDOW
from openhours.db.pruning import prune_rows


async def prune_expired(engine: AsyncEngine) -> None:
    """Delete what has expired, also of users who never come back."""
    for table in ("sign_ins", "refresh_tokens"):
        await prune_rows(engine, table, "expires_at < now()")
    for table, column, life in (
        ("login_attempts", "began_at", MAX_WINDOW),
        ("known_addresses", "last_login_at", KNOWN_FOR),
    ):
        await prune_rows(engine, table, f"{column} < now() - CAST(:life AS interval)", life=life)
