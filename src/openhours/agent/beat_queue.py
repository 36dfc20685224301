"""Beats on the PC's disk until the server has them. Only the standard library."""

import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

MAX_WAITING = 1_000_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS beats (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    pc TEXT NOT NULL,
    event_time TEXT NOT NULL,
    beat_id TEXT NOT NULL,
    refused TEXT  -- why the server will never take it
);
CREATE INDEX IF NOT EXISTS waiting ON beats (n) WHERE refused IS NULL;
"""


class InUse(Exception):
    """Another process holds the file."""


class QueuedBeat(NamedTuple):
    """A beat with a time and a random id of its own; `n` is its place in the queue."""

    n: int
    pc: str
    event_time: str
    beat_id: str


class BeatQueue:
    """A queue in a SQLite file of one process's own. What `add` took survives a power cut."""

    def __init__(self, path: Path, most: int = MAX_WAITING) -> None:
        """Open or create the queue; raise InUse, or sqlite3.Error if the file cannot be used."""
        self._most = most
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            # The first write takes the file's lock, and this process keeps it.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            self.waiting = self._count("refused IS NULL")
        except sqlite3.Error as error:
            self._database.close()
            if is_locked(error):
                raise InUse(f"{path} is in use by another agent") from None
            raise

    def add(self, pc: str, at: datetime) -> bool:
        """Keep a beat, durably; False if the oldest had to go because the queue is full."""
        event_time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._database.execute(
            "INSERT INTO beats (pc, event_time, beat_id) VALUES (?, ?, ?)",
            (pc, event_time, secrets.token_hex(16)),
        )
        self.waiting += 1
        if self.waiting <= self._most:
            return True
        self.remove(self.oldest(self.waiting - self._most))
        return False

    def oldest(self, count: int) -> list[QueuedBeat]:
        """Return the first `count` waiting beats, in the order in which they were added."""
        rows = self._database.execute(
            "SELECT n, pc, event_time, beat_id FROM beats WHERE refused IS NULL ORDER BY n LIMIT ?",
            (count,),
        )
        return [QueuedBeat(*row) for row in rows]

    def remove(self, beats: Sequence[QueuedBeat]) -> None:
        """Forget waiting beats: the server has them."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "DELETE FROM beats WHERE n = ?", [(beat.n,) for beat in beats]
            )
        self.waiting -= len(beats)

    def set_aside(self, beat: QueuedBeat, reason: str) -> None:
        """Keep a waiting beat out of the way; of those, too, the oldest go in the end."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("UPDATE beats SET refused = ? WHERE n = ?", (reason, beat.n))
            self._database.execute(
                "DELETE FROM beats WHERE refused IS NOT NULL AND n <= ?", (beat.n - self._most,)
            )
        self.waiting -= 1

    def refused(self) -> int:
        """Return how many beats the server refused for ever."""
        return self._count("refused IS NOT NULL")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _count(self, condition: str) -> int:
        count = f"SELECT count(*) FROM beats WHERE {condition}"  # noqa: S608  ours, see above
        with closing(self._database.execute(count)) as rows:
            return int(rows.fetchone()[0])


def is_locked(error: sqlite3.Error) -> bool:
    """Return whether the error means that another process holds the file."""
    return error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def hold(path: Path) -> sqlite3.Connection:
    """Hold a lock until the connection is closed or the process ends, however it ends.

    SQLite's locks are the same on every platform. Raise InUse.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        if is_locked(error):
            raise InUse(f"{path} is held by another agent") from None
        raise
    return connection
