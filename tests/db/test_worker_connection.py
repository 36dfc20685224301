"""The connection that a child process keeps between two pieces of work."""

from typing import Any

import asyncpg
import pytest

from openhours.db import worker_connection
from tests.helpers.database import fetch

pytestmark = pytest.mark.usefixtures("settings")


async def backend(connection: "asyncpg.Connection[Any]") -> int:
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


def test_a_connection_is_kept_from_one_piece_of_work_to_the_next(database_url: str) -> None:
    first = worker_connection.run(database_url, backend)
    assert worker_connection.run(database_url, backend) == first


def test_work_after_the_server_hung_up_does_not_fail(database_url: str) -> None:
    before = worker_connection.run(database_url, backend)
    assert fetch(database_url, f"SELECT pg_terminate_backend({before}, 5000)") == [(True,)]
    assert worker_connection.run(database_url, backend) != before
