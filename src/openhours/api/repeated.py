"""What is made by a request that is sent again with the same `Idempotency-Key` is made once."""

from collections.abc import Awaitable, Callable
from typing import cast

from sqlalchemy import Index, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from openhours.api.idempotency import LIFETIME, digest_of, sent_with_another_request
from openhours.db.engine import Base


class Repeatable:
    """Columns of what requests make: who sent it, its `Idempotency-Key`, the hash of its content.

    All are null without a key. A table that has them has also the index `repeatable_index`.
    """

    requested_by: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    request_hash: Mapped[bytes | None] = mapped_column(BYTEA)


def repeatable_index(table: str) -> Index:
    """Return the index by which `once` finds what a key has made."""
    return Index(
        f"ix_{table}_idempotency_key",
        "requested_by",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    )


async def once(
    connection: AsyncConnection,
    id_column: InstrumentedAttribute[str],
    caller: str,
    key: str | None,
    request: object,
    make: Callable[[], Awaitable[str]],
) -> str:
    """Return the id of what `make` inserts, or of what the caller's earlier request has inserted.

    `id_column` is of a table that is Repeatable and has `created_at`. All is committed together by
    the caller of this. Raise Invalid if the key came with another `request` (JSON values).
    """
    if key is None:
        return await make()
    table = cast("type[Base]", id_column.class_)
    columns = table.__table__.c
    # Of two requests with one key the second finds what the first has made.
    lock = func.hashtextextended(f"{caller} {key}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))
    digest = digest_of(request)
    mine = (columns.requested_by == caller, columns.idempotency_key == key)
    query = select(id_column.label("id"), columns.request_hash.label("request_hash"))
    found = await connection.execute(query.where(*mine, columns.created_at > func.now() - LIFETIME))
    earlier = found.one_or_none()
    if earlier is not None:
        if earlier.request_hash != digest:
            raise sent_with_another_request()
        return str(earlier.id)
    await connection.execute(update(table).where(*mine).values(idempotency_key=None))
    made = await make()
    await connection.execute(
        update(table)
        .where(id_column == made)
        .values(requested_by=caller, idempotency_key=key, request_hash=digest)
    )
    return made
