"""A retried request with the same `Idempotency-Key` gets the same answer and changes nothing."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.errors import invalid
from openhours.work_sessions.tables import KeptAnswer

_KEPT_FOR = timedelta(hours=24)

Answer = dict[str, Any]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="The same key within 24 hours gives the same answer.",
    ),
]


async def once(
    connection: AsyncConnection,
    user_id: UUID,
    key: str | None,
    asked: object,
    act: Callable[[], Awaitable[Answer]],
) -> Answer:
    """What `act` answers, or what it answered when this key came before.

    The caller holds the user's lock, so that two requests with one key do not both act; what `act`
    does and its answer are committed together. Raise Invalid when the key came with another
    request.
    """
    if key is None:
        return await act()
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
    mine = KeptAnswer.user_id == user_id
    query = select(KeptAnswer.asked, KeptAnswer.answer).where(
        mine, KeptAnswer.key == key, KeptAnswer.created_at > func.now() - _KEPT_FOR
    )
    kept = (await connection.execute(query)).one_or_none()
    if kept is not None:
        if kept.asked != digest:
            raise invalid("this key came with another request", "header", "Idempotency-Key")
        answer: Answer = kept.answer
        return answer
    answer = await act()
    await connection.execute(
        delete(KeptAnswer).where(mine, KeptAnswer.created_at <= func.now() - _KEPT_FOR)
    )
    await connection.execute(
        insert(KeptAnswer).values(user_id=user_id, key=key, asked=digest, answer=answer)
    )
    return answer
