"""Stores that live in the awkward corners: near clock changes, midnights and each other's edges."""

from datetime import UTC, date, datetime, timedelta

import pytz
from hypothesis import strategies as st

from tests.uptime.columns import MINUTE, SECOND, Store
from tests.uptime.reference import DAY, HOUR, Interval, Row, instant, open_intervals

AWKWARD_ZONES = [
    "Africa/Casablanca",  # negative DST, twice a year around Ramadan
    "America/Havana",  # changes at midnight
    "America/Sao_Paulo",  # a gap at midnight
    "America/St_Johns",  # half-hour offset, changes at 00:01
    "Antarctica/Troll",  # two hours
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",  # half an hour
    "Europe/Dublin",  # negative DST
    "Pacific/Apia",  # a day skipped
    "Pacific/Chatham",  # quarter-hour offset
]
zones = st.sampled_from(pytz.all_timezones) | st.sampled_from(AWKWARD_ZONES)

FIRST = instant(datetime(2000, 1, 1, tzinfo=UTC))
LAST = instant(datetime(2030, 1, 1, tzinfo=UTC))


def clock_changes(zone: str) -> list[tuple[int, int, int]]:
    """Those of 2000 to 2029: instant, offset before, offset after, in µs."""
    rules = pytz.timezone(zone)
    changes = [
        instant(at.replace(tzinfo=UTC)) for at in getattr(rules, "_utc_transition_times", [])
    ]
    offsets = [
        info[0] // timedelta(microseconds=1) for info in getattr(rules, "_transition_info", [])
    ]
    steps = zip(changes[1:], offsets, offsets[1:], strict=False)
    return [(at, before, after) for at, before, after in steps if FIRST <= at < LAST]


@st.composite
def instants(draw: st.DrawFn, zone: str) -> int:
    """Any, or one up to 10 days after a clock change of the zone."""
    changes = clock_changes(zone)
    if changes and draw(st.integers(0, 3)) > 0:
        at, _, _ = changes[draw(st.integers(0, len(changes) - 1))]
        return at + draw(st.integers(-HOUR, 10 * DAY) | st.sampled_from([0, 1, MINUTE, HOUR]))
    return draw(st.integers(FIRST, LAST))


quarters = st.integers(0, 95).map(lambda n: n * 15 * MINUTE)
times = quarters | st.integers(0, DAY - 1)
night = st.sampled_from([0, 1, MINUTE, HOUR, 90 * MINUTE, 2 * HOUR, 3 * HOUR, 22 * HOUR])
opening = times | night
closing = (
    times | night | st.sampled_from([DAY - 60 * SECOND - 1, DAY - 60 * SECOND, DAY - SECOND, DAY])
)


@st.composite
def row_lists(draw: st.DrawFn) -> list[Row]:
    """No rows, a few of any days, or some of every day."""
    spans = st.tuples(opening, closing)
    days = st.integers(0, 6)
    closed = st.builds(lambda day: (day, None, None), days)
    some: list[Row] = draw(st.lists(st.tuples(days, opening, closing) | closed, max_size=4))
    every = draw(st.lists(spans, max_size=2))
    return some + [(day, *span) for span in every for day in range(7)]


@st.composite
def stores_with_hours(draw: st.DrawFn, zone: str, start: int, end: int) -> Store:
    """A store without observations: hours with versions and special dates near [start, end]."""
    span = st.tuples(opening, closing) | st.just((None, None))
    near = st.integers(start // DAY - 4, end // DAY + 4)
    dates = near.map(lambda n: date(1970, 1, 1) + timedelta(days=n))
    special = st.dictionaries(dates, st.lists(span, min_size=1, max_size=2), max_size=3)
    versions = st.dictionaries(dates, row_lists().filter(bool), max_size=2)
    return Store(
        draw(row_lists()),
        zone,
        versions=draw(versions),
        special=draw(special),
        every=draw(special),
    )


@st.composite
def moments(draw: st.DrawFn, intervals: list[Interval], as_of: int, size: int) -> list[int]:
    """Instants on or next to openings and closings, on the windows' edges, hourly, or anywhere."""
    edges = [at for interval in intervals for at in interval]
    edges += [as_of - back for back in (0, HOUR, DAY, 7 * DAY, 14 * DAY)]
    near = st.builds(int.__add__, st.sampled_from(edges), st.sampled_from([-1, 0, 1, MINUTE]))
    hourly = st.integers(0, 48).map(lambda n: as_of - n * HOUR - 7 * MINUTE)
    anywhere = st.integers(as_of - 15 * DAY, as_of + 2 * HOUR)
    return draw(st.lists(near | hourly | anywhere, max_size=size, unique=True))


@st.composite
def polled_stores(draw: st.DrawFn, most: int = 3) -> tuple[list[Store], int]:
    """Stores with polls, and an as-of."""
    names = draw(st.lists(zones, min_size=1, max_size=most))
    as_of = draw(instants(names[0]))
    stores: list[Store] = []
    for zone in names:
        store = draw(stores_with_hours(zone, as_of - 14 * DAY, as_of))
        store.every = stores[0].every if stores else store.every
        intervals = open_intervals(store.hours, zone, as_of - 14 * DAY, as_of)
        ats = draw(moments(intervals, as_of, 24))
        store.polls = [(at, draw(st.booleans())) for at in ats]
        stores.append(store)
    return stores, as_of


@st.composite
def beating_stores(draw: st.DrawFn, most: int = 3) -> tuple[list[Store], int]:
    """Stores with runs of heartbeats, and an as-of."""
    names = draw(st.lists(zones, min_size=1, max_size=most))
    as_of = draw(instants(names[0]))
    stores: list[Store] = []
    for zone in names:
        store = draw(stores_with_hours(zone, as_of - 14 * DAY, as_of))
        store.every = {}
        intervals = open_intervals(store.hours, zone, as_of - 14 * DAY, as_of)
        runs = draw(moments(intervals, as_of, 8))
        steps = st.sampled_from([1, MINUTE, 150 * SECOND, 150 * SECOND + 1])
        beats = {at + n * step for at in runs for step in [draw(steps)] for n in range(3)}
        ever = draw(st.integers(0, 30 * DAY)) if draw(st.booleans()) else 0
        store.beats = sorted(beats)
        store.first_heartbeat = min(beats, default=as_of + 1) - ever
        stores.append(store)
    return stores, as_of
