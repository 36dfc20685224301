"""What changed between two reports, told from fingerprints alone, for stores changed at random."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.reports.causes import CAUSES, Cause, causes_of
from openhours.reports.columns import Columns
from openhours.reports.inputs import cuts_of, dates_within, inputs_of, pack, stretch_of
from openhours.reports.tables import Report
from openhours.stores.queries import StoredCorrection
from openhours.stores.tables import POLLED
from openhours.times import DAY, HOUR, MINUTE, SECOND, from_us
from openhours.uptime.dates import ALWAYS, CLOSED, EVERY, SpecialHours, WeekHours
from openhours.uptime.fill import Observations
from tests.reports.database import new_report

pytestmark = pytest.mark.slow

STORES = 12
# A Wednesday, 18:00 UTC.
AS_OF = 19_382 * DAY + 18 * HOUR
BACK = 14 * DAY
ZONES = ["Europe/Berlin", "UTC"]
Observed = dict[tuple[int, int], bool]


@dataclass
class Fleet:
    """Everything of which a report's figures are made, in sets that are easy to compare."""

    polls: Observed
    hours: set[tuple[int, int, int, int, int]]
    special: set[tuple[int, int, int, int]]
    zone: list[int]
    corrections: list[StoredCorrection]
    covered: list[set[int]]  # of each correction

    def polls_of(self, store: int, since: int, beyond: int) -> Observed:
        return {
            key: active
            for key, active in self.polls.items()
            if key[0] == store and since <= key[1] < beyond
        }

    def special_on(self, store: int, date: int) -> set[tuple[int, int]]:
        own = {row[2:] for row in self.special if row[:2] == (store, date)}
        return own or {row[2:] for row in self.special if row[:2] == (EVERY, date)}

    def first_observed(self, store: int) -> int:
        return min(at for of, at in self.polls if of == store)

    def correcting(self, store: int, since: int, until: int) -> set[str]:
        return {
            one.correction_id
            for one, stores in zip(self.corrections, self.covered, strict=True)
            if store in stores and one.start < until and one.end > since
        }

    def columns(self, since: int, until: int) -> Columns:
        """What a report reads that looks from one instant to another."""
        seen = sorted((key, on) for key, on in self.polls.items() if since <= key[1] <= until)
        store, at = np.array([key for key, _ in seen], np.int64).reshape(-1, 2).T
        met = [n for n, one in enumerate(self.corrections) if one.start < until and one.end > since]
        near = dates_within(since, until)
        special = sorted(row for row in self.special if row[1] in near)
        covered = [[s in self.covered[n] for s in range(STORES)] for n in met]
        return Columns(
            ids=np.arange(STORES) + 1,
            zone=np.array(self.zone, np.int64),
            zones=ZONES,
            first_observed=np.array([self.first_observed(s) for s in range(STORES)], np.int64),
            hours=WeekHours(*np.array(sorted(self.hours), np.int64).reshape(-1, 5).T),
            special=SpecialHours(*np.array(special, np.int64).reshape(-1, 4).T),
            observations=Observations(store, at, np.array([on for _, on in seen], np.bool_)),
            ends=None,
            corrections=[self.corrections[n] for n in met],
            covered=np.array(covered, np.bool_).reshape(len(met), STORES),
        )


def correction(number: int, start: int, end: int) -> StoredCorrection:
    return StoredCorrection(number, f"c{number}", start, end, "up", "other", "", None, None)


def fleet(rng: np.random.Generator) -> Fleet:
    polls = {
        (store, AS_OF - BACK - 3 * DAY + n * 5 * HOUR + int(rng.integers(0, HOUR))): bool(
            rng.random() < 0.7
        )
        for store in range(STORES)
        for n in range(90)
        # Two are new.
        if store < STORES - 2 or n > 70
    }
    hours = {(s, day, 9 * HOUR, 17 * HOUR, ALWAYS) for s in range(STORES) for day in range(7)}
    today = AS_OF // DAY
    special = {(EVERY, today - 3, CLOSED, CLOSED), (2, today - 3, 8 * HOUR, 9 * HOUR)}
    corrections = [correction(1, AS_OF - 2 * DAY, AS_OF - DAY)]
    return Fleet(polls, hours, special, [0] * STORES, corrections, [{3, 4}])


def changed(rng: np.random.Generator, before: Fleet) -> Fleet:
    """Return another fleet, some of whose stores have changed, each in some ways."""
    after = Fleet(
        dict(before.polls),
        set(before.hours),
        set(before.special),
        list(before.zone),
        [*before.corrections, correction(2, AS_OF - 9 * DAY, AS_OF - 8 * DAY)],
        [set(stores) for stores in (*before.covered, ())],
    )
    today = AS_OF // DAY
    for store in range(STORES):
        ways = rng.random(5) < 0.2
        if ways[0]:  # a poll that comes late, or says something else
            at = int(rng.integers(AS_OF - BACK - 2 * DAY, AS_OF + 2 * DAY))
            known = list(before.polls_of(store, 0, 2**62))
            key = known[int(rng.integers(len(known)))] if rng.random() < 0.3 else (store, at)
            after.polls[key] = not before.polls.get(key, False)
        if ways[1]:
            after.hours ^= {(store, int(rng.integers(7)), 9 * HOUR, 17 * HOUR, ALWAYS)}
            after.hours |= {(store, 6, 20 * HOUR, 22 * HOUR, 30_000)}
        if ways[2]:
            opens = int(rng.integers(24)) * HOUR
            date = today + int(rng.integers(-20, 5))
            after.special |= {(store, date, opens, opens + HOUR)}
        if ways[3]:
            after.zone[store] = 1
        if ways[4]:
            after.covered[int(rng.integers(2))] ^= {store}
    return after


def report(number: int, as_of: int) -> Report:
    one = new_report(
        report_id=f"r{number}", as_of_polled=from_us(as_of), as_of_beating=from_us(as_of)
    )
    one.zones = ZONES
    return one


def cut(one: Report, marks: set[int]) -> None:
    stretch = stretch_of(one, POLLED)
    assert stretch is not None
    since, until = stretch
    mondays = {at for at in range(4 * DAY, 40_000 * DAY, 7 * DAY) if since < at <= until}
    edges = {since, until + 1} | mondays | {mark + 1 for mark in marks if since < mark < until}
    one.inputs = {POLLED: {"edges": sorted(edges), "dates": []}}


def rows(one: Report, of: Fleet) -> dict[str, np.ndarray]:
    """The rows that a report of the fleet keeps, as far as causes are told from them."""
    stretch = stretch_of(one, POLLED)
    assert stretch is not None
    assert one.inputs is not None
    columns = of.columns(*stretch)
    one.inputs[POLLED]["dates"] = sorted({int(date) for date in columns.special.date})
    one.corrections = [each.correction_id for each in columns.corrections]
    kept = pack(one, inputs_of(columns, cuts_of(one, POLLED)), one.corrections)
    return {"known": np.ones(STORES, np.bool_), "zone": columns.zone, "inputs": kept}


def expected(a: Report, b: Report, before: Fleet, after: Fleet, store: int) -> set[Cause]:
    """What is not the same for a store, in the time that both looked at."""
    assert a.inputs is not None
    assert b.inputs is not None
    one, other = stretch_of(a, POLLED), stretch_of(b, POLLED)
    assert one is not None
    assert other is not None
    since, until = max(one[0], other[0]), min(one[1], other[1])
    edges = sorted(set(a.inputs[POLLED]["edges"]) & set(b.inputs[POLLED]["edges"]))
    first = [
        max(of.first_observed(store) // SECOND * SECOND - 7 * DAY, since) for of in (before, after)
    ]
    late = first[0] != first[1]
    if len(edges) > 1:
        late |= before.polls_of(store, edges[0], edges[-1]) != after.polls_of(
            store, edges[0], edges[-1]
        )
    found: set[Cause] = {"late_data"} if late else set()
    if {row for row in before.hours if row[0] == store} != {
        row for row in after.hours if row[0] == store
    }:
        found.add("hours")
    if any(
        before.special_on(store, date) != after.special_on(store, date)
        for date in dates_within(since, until)
    ):
        found.add("special_hours")
    if before.zone[store] != after.zone[store]:
        found.add("timezone")
    if before.correcting(store, since, until) != after.correcting(store, since, until):
        found.add("corrections")
    if a.as_of_polled != b.as_of_polled:
        found.add("as_of")
    return found or {"unknown"}


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32),
    later=st.sampled_from([0, MINUTE, 5 * HOUR, 2 * DAY, 9 * DAY, 20 * DAY]),
    marked=st.booleans(),
    swapped=st.booleans(),
)
def test_exactly_what_changed_is_told(seed: int, later: int, marked: bool, swapped: bool) -> None:
    rng = np.random.default_rng(seed)
    before = fleet(rng)
    after = changed(rng, before)
    a, b = report(1, AS_OF), report(2, AS_OF + later)
    cut(a, {AS_OF - HOUR})
    cut(b, {AS_OF} if marked else set())
    of_a, of_b = rows(a, before), rows(b, after)
    spans = {one.correction_id: (one.start, one.end) for one in after.corrections}
    if swapped:
        a, b, of_a, of_b, before, after = b, a, of_b, of_a, after, before
    found = causes_of(a, b, POLLED, of_a, of_b, spans)
    for store in range(STORES):
        told = {CAUSES[n] for n in np.flatnonzero(found[store])}
        assert told == expected(a, b, before, after, store), store


def test_what_was_made_before_inputs_were_kept_is_unknown() -> None:
    rng = np.random.default_rng(1)
    of = fleet(rng)
    a, b = report(1, AS_OF), report(2, AS_OF + HOUR)
    b.interpolation = "previous"
    cut(b, set())
    of_b = rows(b, of)
    of_a = {name: of_b[name] for name in ("known", "zone")}
    for one, other, of_one, of_other in ((a, b, of_a, of_b), (b, a, of_b, of_a)):
        found = causes_of(one, other, POLLED, of_one, of_other, {})
        assert {tuple(CAUSES[n] for n in np.flatnonzero(row)) for row in found} == {
            ("as_of", "options", "unknown")
        }


def test_a_window_that_lies_elsewhere_is_another_as_of() -> None:
    rng = np.random.default_rng(1)
    of = fleet(rng)
    a, b = report(1, AS_OF), report(2, AS_OF)
    today = AS_OF // DAY
    a.windows = [["today", "dates", today, today + 1], ["x", "dates", today, today + 1]]
    b.windows = [["today", "dates", today + 1, today + 2], ["y", "dates", today, today + 1]]
    for one in (a, b):
        cut(one, set())
    found = causes_of(a, b, POLLED, rows(a, of), rows(b, of), {})
    assert found[:, CAUSES.index("as_of")].all()
    b.windows[0] = a.windows[0]
    cut(b, set())
    found = causes_of(a, b, POLLED, rows(a, of), rows(b, of), {})
    assert not found[:, CAUSES.index("as_of")].any()


def test_of_polls_the_interpolation_counts_and_of_beats_their_expiry() -> None:
    rng = np.random.default_rng(1)
    of = fleet(rng)
    a = report(1, AS_OF)
    cut(a, set())
    for changes, told in (
        ({"interpolation": "previous"}, True),
        ({"heartbeat_expiry_seconds": 300}, False),
        ({"lookback_days": 15}, True),
        ({"observed_within_minutes": 30}, False),
    ):
        b = report(2, AS_OF)
        for name, value in changes.items():
            setattr(b, name, value)
        cut(b, set())
        found = causes_of(a, b, POLLED, rows(a, of), rows(b, of), {})
        assert found[:, CAUSES.index("options")].all() == told, changes
