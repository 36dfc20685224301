"""B12: bytes on disk."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

from benchmarks.measure import Result
from benchmarks.place import Files, Place
from openhours.db.engine import make_engine
from openhours.heartbeats.write import Beat, Writer
from openhours.times import now

_PCS, _MINUTES = 50, 2 * 24 * 60
# A heartbeat with its `beat_id` was two rows with seven indexes, see decision 20.
_BEFORE = 415.0
_SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE oid = 'beat_ids'::regclass
   OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'heartbeats'::regclass)
"""


def run(place: Place, _files: Files, _rounds: int) -> Iterator[Result]:
    """Heartbeats of PCs that beat every minute, as the service writes them."""
    url = place.database()
    asyncio.run(_beat(url))
    size = int(place.fetchval(url, _SIZE)) / (_PCS * _MINUTES)
    place.drop(url)
    what = "bytes of a heartbeat with its id / when it was two rows"
    yield Result("B12", what, size, _BEFORE, size / _BEFORE, 0.6, 0.3, "bytes")


async def _beat(url: str) -> None:
    engine = make_engine(url)
    writer = Writer(engine)
    start = now() - timedelta(minutes=_MINUTES)
    for minute in range(_MINUTES):
        await writer.write([_beat_of(pc, minute, start) for pc in range(_PCS)])
    await engine.dispose()


def _beat_of(pc: int, minute: int, start: datetime) -> Beat:
    return Beat(f"pc-{pc}", start + timedelta(minutes=minute), f"{pc}-{minute}")
