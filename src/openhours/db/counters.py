"""Running totals, kept with what they count: metrics read a few rows, however much was counted."""

from collections.abc import Mapping
from typing import Any

import asyncpg
from sqlalchemy import Double, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base


class Total(Base):
    """One running total; it only grows."""

    __tablename__ = "totals"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    label: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float] = mapped_column(Double)


async def add(
    connection: "asyncpg.Connection[Any]", name: str, amounts: Mapping[str, float]
) -> None:
    """Add to the totals of `name`, by label, inside the caller's transaction."""
    await connection.execute(
        """
        INSERT INTO totals (name, label, value)
        SELECT $1, a.label, a.amount FROM unnest($2::text[], $3::float8[]) AS a (label, amount)
        ORDER BY a.label  -- two transactions take the rows in one order: no deadlock
        ON CONFLICT (name, label) DO UPDATE SET value = totals.value + excluded.value
        """,
        name,
        list(amounts),
        list(amounts.values()),
    )


async def read(connection: AsyncConnection, name: str) -> dict[str, float]:
    """Return the totals of `name`, by label."""
    query = select(Total.label, Total.value).where(Total.name == name)
    return {row.label: row.value for row in await connection.execute(query)}
