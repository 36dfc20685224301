"""Asking a test's database."""

import asyncio

import asyncpg


def fetch(url: str, query: str) -> list[tuple[object, ...]]:
    """Ask a database behind the service's back."""

    async def ask() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(ask())
