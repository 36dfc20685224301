"""A database, and a server's connections to it, that short tests use one after the other.

To make a database and to open the connections takes most of a short test.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from unittest.mock import patch

import asyncpg
from anyio.from_thread import BlockingPortal

from openhours.db import database
from openhours.settings import Settings
from tests.helpers.new_database import drop_database, make_database

_RELATIONS = """\
SELECT oid::regclass::text AS name, relispartition
FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"""

# Tables that have rows from the start are restored from copies in another schema.
_REMEMBER = f"""\
CREATE SCHEMA at_first;
DO $$
DECLARE
  one text;
  found bool;
BEGIN
  FOR one IN SELECT name FROM ({_RELATIONS}) AS relation WHERE NOT relispartition LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO found;
    IF found THEN
      EXECUTE format('CREATE TABLE at_first.%s AS TABLE %s', one, one);
    END IF;
  END LOOP;
END $$"""

_EMPTY = f"""\
SET lock_timeout = '2s';
DO $$
DECLARE
  one text;
  found bool;
  filled text[] := '{{}}';
BEGIN
  FOR one IN SELECT name FROM ({_RELATIONS}) AS relation WHERE relispartition LOOP
    EXECUTE format('DROP TABLE %s', one);
  END LOOP;
  FOR one IN SELECT name FROM ({_RELATIONS}) AS relation
    WHERE to_regclass('at_first.' || name) IS NULL LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO found;
    IF found THEN
      filled := filled || one;
    END IF;
  END LOOP;
  FOR one IN SELECT relname FROM pg_class
    WHERE relnamespace = 'at_first'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format(
      'SELECT EXISTS ((TABLE %1$s EXCEPT TABLE at_first.%1$s)'
      ' UNION ALL (TABLE at_first.%1$s EXCEPT TABLE %1$s))', one) INTO found;
    IF found THEN
      EXECUTE format('DELETE FROM %s', one);
      EXECUTE format('INSERT INTO %s TABLE at_first.%s', one, one);
    END IF;
  END LOOP;
  IF filled <> '{{}}' THEN
    EXECUTE format('TRUNCATE %s CASCADE', array_to_string(filled, ', '));
  END IF;
  FOR one IN SELECT seqrelid::regclass FROM pg_sequence
    WHERE pg_sequence_last_value(seqrelid) IS NOT NULL LOOP
    EXECUTE format('ALTER SEQUENCE %s RESTART', one);
  END LOOP;
END $$"""

# Relations, columns, constraints, triggers and functions.
_SCHEMA = """\
SELECT (SELECT array_agg(oid ORDER BY oid) FROM pg_class WHERE relnamespace = public)::text,
  (SELECT array_agg((attrelid, attnum, atttypid) ORDER BY attrelid, attnum) FROM pg_attribute
   JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = public)::text,
  (SELECT array_agg(oid ORDER BY oid) FROM pg_constraint WHERE connamespace = public)::text,
  (SELECT array_agg((oid, tgenabled) ORDER BY oid) FROM pg_trigger)::text,
  (SELECT array_agg((oid, md5(prosrc)) ORDER BY oid) FROM pg_proc WHERE pronamespace = public)::text
FROM (SELECT 'public'::regnamespace AS public) AS schema"""


class KeptDatabase:
    """A database that is emptied after each test.

    Applications start in the event loop of `portal`, and the next one takes over the connections
    of the one that has stopped.
    """

    _current: "KeptDatabase | None" = None

    def __init__(self, url: str, portal: BlockingPortal) -> None:
        self.url = url
        self.portal = portal
        self._connection = portal.call(asyncpg.connect, url)
        portal.call(self._connection.execute, _REMEMBER)
        self._schema = portal.call(self._connection.fetchrow, _SCHEMA)
        self._opened: list[database.Pools] = []
        self._free: dict[float, list[database.Pools]] = {}

    @classmethod
    @contextmanager
    def lend(cls, server_url: str, portal: BlockingPortal) -> Iterator[str]:
        """The URL of an empty database; of another one if a test has changed its tables."""
        kept = cls._current = cls._current or cls(make_database(server_url), portal)
        yield kept.url
        if not kept._empty():
            kept._close()
            drop_database(server_url, kept.url)
            cls._current = None

    @classmethod
    def of(cls, settings: Settings) -> "KeptDatabase | None":
        """Return the one that the settings name, if they name it."""
        url = settings.database_url
        kept = cls._current
        return kept if kept and url and url.get_secret_value() == kept.url else None

    def _empty(self) -> bool:
        """Return whether the database is again as a new one would be."""
        try:
            self.portal.call(self._connection.execute, _EMPTY)
            found = self.portal.call(self._connection.fetchrow, _SCHEMA)
        except asyncpg.PostgresError:
            return False  # a test has left a lock, or changed a table
        return bool(found == self._schema)

    def _close(self) -> None:
        self.portal.call(self._connection.close)
        for engine in (engine for pools in self._opened for engine in pools):
            self.portal.call(engine.dispose)

    @contextmanager
    def lend_connections(self) -> Iterator[None]:
        """Let applications that start meanwhile have a server's connections."""
        with (
            patch.object(database, "opened", self._is_open),
            patch.object(database, "pools", self._pools),
        ):
            yield

    @asynccontextmanager
    async def _is_open(self, _settings: Settings) -> AsyncIterator[tuple[None, str]]:
        yield None, self.url

    @asynccontextmanager
    async def _pools(self, settings: Settings, url: str) -> AsyncIterator[database.Pools]:
        free = self._free.setdefault(settings.query_timeout_seconds, [])
        if free:
            pools = free.pop()
        else:
            pools = database.make_pools(settings, url)
            self._opened.append(pools)
        yield pools
        free.append(pools)
