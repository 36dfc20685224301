"""Polls that the database makes itself: many of them, at once."""


def week_of_polls(stores: int, polls: int, every: str, active: str) -> list[str]:
    """Statements for so many stores and polls of each, `every` so long from 2023-01-16 on.

    `active` is SQL that tells the status of store `s` at its poll `n`. The rows lie in no order.
    """
    return [
        f"""
        INSERT INTO stores (store_id, feed, first_observed_at)
        SELECT 'store-' || n, 'polled', '2023-01-16 00:00+00' FROM generate_series(1, {stores}) n
        """,
        """
        CREATE TABLE observations_20230116 PARTITION OF observations
        FOR VALUES FROM ('2023-01-16 00:00+00') TO ('2023-01-23 00:00+00')
        """,
        f"""
        INSERT INTO observations
        SELECT s, timestamptz '2023-01-16 00:00+00' + n * interval '{every}', {active}
        FROM generate_series(1, {stores}) s, generate_series(0, {polls - 1}) n
        ORDER BY hashint4(s * 1000 + n)
        """,
    ]
