"""B3 and B4: files into the database."""

import statistics
from collections.abc import Iterator

from benchmarks.measure import Result, in_turns
from benchmarks.place import Files, Place
from openhours.stores.packs import pack_days

_TYPES = {"store": "int4", "observed_at": "timestamptz", "active": "bool"}


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """The yardsticks of ingestion."""
    yield _first_and_grown(place, files, rounds)
    yield _hourly(place, files, rounds)


def _first_and_grown(place: Place, files: Files, rounds: int) -> Result:
    url: list[str] = []

    def first() -> float:
        url.append(place.database())
        place.ingest(url[-1], files.hours, files.timezones)
        return place.ingest(url[-1], files.status)

    def grown() -> float:
        spent = place.ingest(url[-1], files.grown)
        place.drop(url[-1])
        return spent

    once, again = in_turns(rounds, first, grown)
    return Result("B3", "file grown by an hour / first", again, once, again / once, 0.06, 0.03)


def _hourly(place: Place, files: Files, rounds: int) -> Result:
    """An hour's polls into a table with 9 million, and into one with half a million.

    As it goes on every hour: after the file of the hour before, and after a checkpoint, behind
    which PostgreSQL logs each page whole that it writes to; the median of some hours.
    """
    large, small = place.database(), place.database()
    for url, copies in ((large, 4), (small, 0.25)):
        place.ingest(url, files.hours, files.timezones, files.status)
        place.execute(*scaled(copies), url=url)
        pack_days(url)  # what was changed by SQL, as a worker does within a minute
        place.execute("VACUUM ANALYZE", url=url)

    def hour(url: str) -> float:
        copy = place.database(url)
        first, *hours = files.hourly
        place.ingest(copy, first)
        spent = []
        for file in hours:
            place.execute("CHECKPOINT", url=copy)
            spent.append(place.ingest(copy, file))
        place.drop(copy)
        return statistics.median(spent)

    into_large, into_small = in_turns(rounds, lambda: hour(large), lambda: hour(small))
    place.drop(large)
    place.drop(small)
    what = "an hour's file into 9 M polls / into 0.5 M"
    return Result("B4", what, into_large, into_small, into_large / into_small, 1.1, 1.0)


def scaled(copies: float) -> list[str]:
    """Statements that make the stores, hours and polls of a database so many times as many."""
    if copies < 1:
        share = round(1 / copies)
        return [f"DELETE FROM observations WHERE store % {share} > 0", "VACUUM FULL observations"]
    return [
        "CREATE TEMP TABLE base AS SELECT max(id) AS step FROM stores",
        f"""
        INSERT INTO stores (store_id, feed, timezone, first_observed_at)
        SELECT store_id || '-' || k, feed, timezone, first_observed_at
        FROM generate_series(1, {copies - 1}) k, (SELECT * FROM stores ORDER BY id) s ORDER BY k, id
        """,
        f"""
        CREATE TEMP TABLE twin AS
        SELECT o.id AS original, n.id AS copy FROM stores o
        JOIN generate_series(1, {copies - 1}) k ON true
        JOIN stores n ON n.store_id = o.store_id || '-' || k
        """,
        """
        INSERT INTO business_hours
        SELECT copy, day, opens, closes, valid_from
        FROM business_hours JOIN twin ON store = original
        """,
        # Row by row into an index in another order would take a quarter of an hour.
        "ALTER TABLE observations DROP CONSTRAINT pk_observations",
        f"""
        DO $$
        DECLARE part regclass;
        BEGIN
            SET LOCAL work_mem = '256MB';
            FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'observations'::regclass
            LOOP
                EXECUTE format(
                    'CREATE TEMP TABLE more AS SELECT copy AS store, observed_at, active FROM %s'
                    ' JOIN twin ON store = original ORDER BY 1, 2', part);
                EXECUTE format('INSERT INTO %s SELECT * FROM more', part);
                DROP TABLE more;
            END LOOP;
        END $$ /* {copies} */
        """,
        "SET maintenance_work_mem = '512MB'",
        "ALTER TABLE observations ADD CONSTRAINT pk_observations PRIMARY KEY (observed_at, store)",
    ]
