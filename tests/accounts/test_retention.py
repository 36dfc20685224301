"""What has expired goes, also of users who never come back."""

import asyncio

import asyncpg

from openhours.accounts.retention import prune_expired
from openhours.db.engine import make_engine
from openhours.work_sessions.idempotency import prune_answers


def test_what_has_expired_goes_and_the_rest_stays(database_url: str) -> None:
    async def scenario() -> None:
        engine, raw = make_engine(database_url), await asyncpg.connect(database_url)
        await raw.execute(
            """
            INSERT INTO users (username, username_key, password_hash, timezone)
            VALUES ('ann', 'ann', '', 'UTC');
            INSERT INTO sign_ins (hash, expires_at)
            SELECT int4send(n), now() + n * interval '1 min' FROM generate_series(-3, 3) n;
            INSERT INTO refresh_tokens (hash, user_id, family, expires_at)
            SELECT int4send(n), id, gen_random_uuid(), now() + n * interval '1 day'
            FROM users, generate_series(-3, 3) n;
            INSERT INTO login_attempts
            SELECT int4send(n), 1, now() - n * interval '25 min' FROM generate_series(0, 3) n;
            INSERT INTO known_addresses
            SELECT int4send(n), now() - n * interval '40 days' FROM generate_series(0, 3) n;
            INSERT INTO kept_answers (user_id, key, asked, answer, created_at)
            SELECT id, n::text, '', '{}', now() - n * interval '10 hours'
            FROM users, generate_series(0, 3) n
            """
        )
        await prune_expired(engine)
        await prune_answers(engine)
        left = {
            table: await raw.fetchval(f"SELECT count(*) FROM {table}")
            for table in (
                "sign_ins",
                "refresh_tokens",
                "login_attempts",
                "known_addresses",
                "kept_answers",
            )
        }
        assert left == {
            "sign_ins": 3,
            "refresh_tokens": 3,
            "login_attempts": 3,
            "known_addresses": 3,
            "kept_answers": 3,
        }
        await raw.close()
        await engine.dispose()

    asyncio.run(scenario())
