"""Outages of any stores, through the database and beside the slow reference of the rules."""

import asyncio
from fractions import Fraction

import asyncpg
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings

from openhours.settings import Settings
from openhours.stores.tables import EVERY_STORE, OBSERVATIONS
from openhours.times import MINUTE, from_us, iso, now, to_us
from openhours.uptime.dates import CLOSED
from tests.helpers.database import fetch, make_weeks
from tests.reports.computing import Reports, reporting
from tests.uptime import reference
from tests.uptime.columns import LOOKBACK, Store
from tests.uptime.reference import DAY, HOUR, Piece
from tests.uptime.test_corrections import CorrectedStores, corrected_stores

examples = hypothesis_settings(max_examples=15, deadline=None)


async def replace_all(url: str, drawn: CorrectedStores) -> None:
    """Let these stores and corrections be all there are; their ids are `0`, `1` …"""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "TRUNCATE stores, business_hours, special_hours, labels, corrections, observations,"
        " feed_clocks RESTART IDENTITY"
    )
    for n, store in enumerate(drawn.stores):
        first = min((at for at, _ in store.polls), default=None)
        store_pk = await connection.fetchval(
            "INSERT INTO stores (store_id, timezone, feed, first_observed_at)"
            " VALUES ($1, $2, $3, $4) RETURNING id",
            str(n),
            store.zone,
            None if first is None else "polled",
            None if first is None else from_us(first),
        )
        await connection.executemany(
            "INSERT INTO business_hours VALUES ($1, $2, $3, $4, coalesce($5::date, '-infinity'))"
            " ON CONFLICT DO NOTHING",
            [
                (store_pk, day, *(CLOSED if at is None else at for at in span), valid_from)
                for valid_from, rows in store.hours.rows.items()
                for day, *span in rows
            ],
        )
        every = store.every if n == 0 else {}
        await connection.executemany(
            "INSERT INTO special_hours VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [
                (of, day, *(CLOSED if at is None else at for at in span))
                for of, dates in ((store_pk, store.special), (EVERY_STORE, every))
                for day, spans in dates.items()
                for span in spans
            ],
        )
        if store.polls:
            instants = [from_us(at) for at, _ in store.polls]
            await make_weeks(connection, OBSERVATIONS, min(instants), max(instants))
        await connection.executemany(
            "INSERT INTO observations (store, observed_at, active) VALUES ($1, $2, $3)",
            [(store_pk, from_us(at), active) for at, active in store.polls],
        )
    for n, correction in enumerate(drawn.made):
        await connection.execute(
            "INSERT INTO corrections (correction_id, stores, from_at, to_at, treat_as, category,"
            " reason, made_by) VALUES ($1, $2, $3, $4, $5, 'other', 'because', 'me')",
            str(n),
            [store + 1 for store in range(len(drawn.stores)) if drawn.covers[n, store]],
            from_us(correction.start),
            from_us(correction.end),
            correction.treat_as,
        )
    await connection.close()


def filled(store: Store, as_of: int) -> reference.Filled:
    """Nothing counts more than a week before the first poll ever."""
    begins = min(at for at, _ in store.polls) - 7 * DAY
    intervals = reference.open_intervals(store.hours, store.zone, as_of - LOOKBACK, as_of)
    return reference.polled(
        store.polls,
        [(max(start, begins), end) for start, end in intervals if end > begins],
        as_of=as_of,
        lookback=LOOKBACK,
        interpolation="nearest",
        radius=HOUR,
    )


def line(store_id: str, outage: reference.Outage) -> str:
    instants = ("" if at is None else iso(from_us(at)) for at in outage[:4])
    downtime = round(Fraction(outage.downtime * 100, MINUTE)) / 100
    ongoing = "true" if outage.ended_at is None else "false"
    return f"{store_id},{','.join(instants)},{downtime:.2f},{outage.observations},{ongoing}"


def expected(drawn: CorrectedStores, n: int) -> list[tuple[reference.Outage, list[Piece]]]:
    """The outages of a store, each with its pieces of downtime."""
    store, as_of = drawn.stores[n], drawn.as_of
    whole = reference.corrected(filled(store, as_of), drawn.said_of(n))
    return reference.outages(whole, as_of - LOOKBACK, as_of)


def check(reports: Reports, drawn: CorrectedStores) -> None:
    """Compare a report of these stores with the reference."""
    asyncio.run(replace_all(reports.url, drawn))
    report_id = reports.report(as_of=iso(from_us(drawn.as_of)), outages=True)
    windows = reference.default_windows(drawn.as_of)
    week = windows[-1]
    wanted, in_windows = [], {}
    for n, store in enumerate(drawn.stores):
        if min((at for at, _ in store.polls), default=drawn.as_of + 1) > drawn.as_of:
            continue
        found = expected(drawn, n)
        wanted += [line(str(n), outage) for outage, run in found if reference.clipped(run, week)]
        parts = [
            [reference.total(reference.clipped(run, window)) for _, run in found]
            for window in windows
        ]
        in_windows[n + 1] = (
            [sum(part > 0 for part in of) for of in parts],
            [max(of, default=0) for of in parts],
            [sum(of) for of in parts],
        )
    answer = reports.client.get(f"/reports/{report_id}/outages")
    assert answer.text.splitlines()[1:] == wanted
    rows = fetch(
        reports.url,
        "SELECT store, outages, longest_outage, CASE WHEN known THEN"
        " (SELECT array_agg(o - u ORDER BY n) FROM unnest(open, up) WITH ORDINALITY w(o, u, n))"
        " ELSE ARRAY[0, 0, 0]::int8[] END"
        " FROM report_rows WHERE report ="
        f" (SELECT id FROM reports WHERE report_id = '{report_id}')",
    )
    assert {store: tuple(of) for store, *of in rows} == in_windows, "they sum to the downtime"


@pytest.mark.slow
def test_outages_of_a_report_are_those_of_the_reference(settings: Settings) -> None:
    with reporting(settings) as reports:

        @given(corrected_stores())
        @examples
        def holds(drawn: CorrectedStores) -> None:
            assume(drawn.as_of <= to_us(now()))
            check(reports, drawn)

        holds()
