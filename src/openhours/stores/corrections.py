"""Making and revoking corrections: each leaves a line in the audit log, none is ever deleted."""

import secrets
from collections.abc import Mapping

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.audit import audit
from openhours.stores.labels import check_labels, written
from openhours.stores.queries import find_correction, find_stores
from openhours.stores.schemas import CorrectionInfo, NewCorrection
from openhours.stores.tables import Correction
from openhours.times import iso

MAX_NAMED = 3  # stores of a correction in a line


async def make_correction(
    engine: AsyncEngine, new: NewCorrection, *, who: str, where: str
) -> CorrectionInfo:
    """Store a correction and return it; `who` makes it from the address or machine `where`.

    Raise Invalid, with the path `store_ids` or `labels`, for unknown stores, labels and values.
    """
    correction_id = secrets.token_hex(16)
    async with engine.begin() as connection:
        stores = None
        if new.store_ids is not None:
            stores = await find_stores(connection, new.store_ids)
        if new.labels is not None:
            await check_labels(connection, new.labels)
        await connection.execute(
            insert(Correction).values(
                correction_id=correction_id,
                stores=stores,
                labels=new.labels,
                from_at=new.from_at,
                to_at=new.to_at,
                treat_as=new.treat_as,
                category=new.category,
                reason=new.reason,
                made_by=who,
            )
        )
        made = await find_correction(connection, correction_id)
    audit("correction made", who=who, where=where, outcome=f"{correction_id}: {summary(made)}")
    return made


async def revoke_correction(
    engine: AsyncEngine, correction_id: str, *, who: str, where: str
) -> None:
    """Revoke a correction; one that was revoked before stays as it is. Raise NotFound."""
    async with engine.begin() as connection:
        revoked = await connection.execute(
            update(Correction)
            .where(Correction.correction_id == correction_id, Correction.revoked_at.is_(None))
            .values(revoked_at=func.now(), revoked_by=who)
        )
        if revoked.rowcount == 0:
            await find_correction(connection, correction_id)
    outcome = correction_id if revoked.rowcount else f"{correction_id}: was revoked before"
    audit("correction revoked", who=who, where=where, outcome=outcome)


def summary(correction: CorrectionInfo) -> str:
    """Return what a correction says, in one line: `down, 2022-… to 2022-…, all stores: …`."""
    begins, ends = iso(correction.from_at), iso(correction.to_at)
    return (
        f"{correction.treat_as}, {begins} to {ends}, {whose(correction)}: "
        f"{correction.category}, {correction.reason}"
    )


def whose(correction: CorrectionInfo, names: Mapping[str, str] | None = None) -> str:
    """Return whose time is corrected: `all stores`, `stores 9 (Elm), 10`, `region: west or east`.

    `names` are what stores are called.
    """
    if correction.labels is not None:
        return written(correction.labels)
    if correction.store_ids is None:
        return "all stores"
    names = names or {}
    named = ", ".join(
        f"{store_id} ({names[store_id]})" if store_id in names else store_id
        for store_id in correction.store_ids[:MAX_NAMED]
    )
    more = len(correction.store_ids) - MAX_NAMED
    stores = "store" if len(correction.store_ids) == 1 else "stores"
    return f"{stores} {named}" + (f" and {more:,} more" if more > 0 else "")
