"""`Idempotency-Key`: a request sent again gets the same answer and changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.idempotency import LIFETIME, digest_of, sent_with_another_request
from openhours.db.pruning import prune_rows
from openhours.work_sessions.tables import KeptAnswer

Answer = dict[str, Any]


async def once(
    connection: AsyncConnection,
    user_id: UUID,
    key: str | None,
    request: object,
    act: Callable[[], Awaitable[Answer]],
) -> Answer:
    """Return what `act` returns, or what it returned when this key came before.

    The caller holds the user's lock, so that two requests with one key do not both act; what `act`
    does and its answer are committed together. Raise Invalid if the key came with another
    `request`.
    """
    if key is None:
        return await act()
    digest = digest_of(request)
    mine = KeptAnswer.user_id == user_id
    query = select(KeptAnswer.request_hash.label("request_hash"), KeptAnswer.answer).where(
        mine, KeptAnswer.key == key, KeptAnswer.created_at > func.now() - LIFETIME
    )
    kept = (await connection.execute(query)).one_or_none()
    if kept is not None:
        if kept.request_hash != digest:
            raise sent_with_another_request()
        answer: Answer = kept.answer
        return answer
    answer = await act()
    await connection.execute(
        delete(KeptAnswer).where(mine, KeptAnswer.created_at <= func.now() - LIFETIME)
    )
    await connection.execute(
        insert(KeptAnswer).values(user_id=user_id, key=key, request_hash=digest, answer=answer)
    )
    return answer


async def prune_answers(engine: AsyncEngine) -> None:
    """Delete the answers that are no longer given again, also of users who never come back."""
    await prune_rows(
        engine, "kept_answers", "created_at <= now() - CAST(:life AS interval)", life=LIFETIME
    )
