"""Stores with labels, written behind the service's back."""

import asyncio
from collections.abc import Mapping

import asyncpg

from openhours.settings import Settings


def add_stores(settings: Settings, stores: Mapping[str, Mapping[str, str]]) -> None:
    """Add stores, each with its labels."""
    assert settings.database_url is not None
    asyncio.run(_add(settings.database_url.get_secret_value(), stores))


async def _add(url: str, stores: Mapping[str, Mapping[str, str]]) -> None:
    connection = await asyncpg.connect(url)
    for store_id, labels in stores.items():
        store = await connection.fetchval(
            "INSERT INTO stores (store_id) VALUES ($1) RETURNING id", store_id
        )
        rows = [(store, key, value) for key, value in labels.items()]
        await connection.executemany("INSERT INTO labels VALUES ($1, $2, $3)", rows)
    await connection.close()
