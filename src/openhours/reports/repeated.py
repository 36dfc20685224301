"""A trigger that is sent again with the same `Idempotency-Key` is the same report."""

from collections.abc import Awaitable, Callable

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.idempotency import LIFETIME, digest_of, sent_with_another_request
from openhours.reports.tables import Report
from openhours.reports.trigger import take_turn


async def once(
    connection: AsyncConnection,
    caller: str,
    key: str | None,
    request: object,
    make: Callable[[], Awaitable[str]],
) -> str:
    """Return the report_id that `make` returns, or that of the caller's earlier request.

    Both are committed together by the caller of this. Raise Invalid if the key came with another
    `request` (JSON values).
    """
    if key is None:
        return await make()
    await take_turn(connection)
    digest = digest_of(request)
    mine = (Report.requested_by == caller, Report.idempotency_key == key)
    query = select(Report.report_id, Report.request_hash.label("request_hash"))
    found = await connection.execute(query.where(*mine, Report.created_at > func.now() - LIFETIME))
    earlier = found.one_or_none()
    if earlier is not None:
        if earlier.request_hash != digest:
            raise sent_with_another_request()
        report_id: str = earlier.report_id
        return report_id
    await connection.execute(update(Report).where(*mine).values(idempotency_key=None))
    report_id = await make()
    await connection.execute(
        update(Report)
        .where(Report.report_id == report_id)
        .values(requested_by=caller, idempotency_key=key, request_hash=digest)
    )
    return report_id
