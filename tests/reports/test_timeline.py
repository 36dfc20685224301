"""Time lines are what the figures are made of: the pieces of random stores add up to them."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhours.reports.columns import Columns
from openhours.reports.explain import explain_instant, explain_piece
from openhours.reports.filling import FillRules
from openhours.reports.slices import Slice
from openhours.reports.timeline import (
    StoreRow,
    Timeline,
    TimelineQuery,
    build_timeline,
    deciding,
)
from openhours.stores.queries import StoredCorrection
from openhours.stores.tables import BEATING, POLLED
from openhours.times import HOUR
from openhours.uptime.corrections import TreatAs
from openhours.uptime.fill import Interpolation, Observations
from openhours.uptime.totals import Figures
from openhours.uptime.windows import DEFAULT_WINDOWS
from tests.uptime import columns
from tests.uptime.columns import EXPIRY, LOOKBACK, Store, clock, utc
from tests.uptime.strategies import beating_stores, polled_stores

pytestmark = pytest.mark.slow


def timeline(
    store: Store,
    feed: str | None,
    as_of: int,
    interpolation: Interpolation = "nearest",
    corrections: Sequence[StoredCorrection] = (),
) -> Timeline:
    """The time line of one store as `timeline_of` would give it."""
    query = TimelineQuery(as_of, as_of, LOOKBACK, "UTC", FillRules(interpolation, HOUR, EXPIRY))
    part = Slice(feed or POLLED, as_of, LOOKBACK, 1, 1, [1], "UTC")
    observed = columns.observations([store])
    if feed == BEATING:
        beats = columns.heartbeats([store])
        observed = Observations(beats.store, beats.at, np.ones(len(beats.at), np.bool_))
    recent = (observed.at >= as_of - LOOKBACK) & (observed.at <= as_of)
    # A polled store has a row in a report, and pieces, from its first poll on.
    first = min([as_of, *(poll for poll, _ in store.polls)])
    if feed == BEATING:
        first = store.first_heartbeat
    read = Columns(
        ids=np.array([1]),
        zone=np.array([0]),
        zones=[store.zone],
        first_observed=np.array([first]),
        hours=columns.week_hours([store]),
        special=columns.special_hours([store]),
        observations=Observations(
            observed.store[recent], observed.at[recent], observed.active[recent]
        ),
        ends=None,
        corrections=corrections,
        covered=np.ones((len(corrections), 1), np.bool_),
    )
    return build_timeline(StoreRow(1, "s", feed, store.zone), read, part, query)


def sums(line: Timeline, window: int) -> tuple[int, int, int]:
    """Of the pieces in the window: open, up, observed."""
    pieces = line.within(line.as_of - window, line.as_of)

    def total(*, up: bool = False, measured: bool = False) -> int:
        return sum(
            piece.end - piece.start
            for piece in pieces
            if (piece.active or not up) and (piece.measured or not measured)
        )

    return total(), total(up=True), total(measured=True)


def agree(line: Timeline, figures: Figures) -> None:
    assert line.known == figures.known[0]
    for n, window in enumerate(DEFAULT_WINDOWS):
        expected = (figures.open, figures.up, figures.observed)
        assert sums(line, -window.start) == tuple(int(of[n, 0]) for of in expected)


def hold_together(line: Timeline) -> None:
    """Pieces are in order, none is empty, each has a reason and lies in open time."""
    for one, following in zip(line.pieces, line.pieces[1:], strict=False):
        assert one.end <= following.start
    for piece in line.pieces:
        assert piece.start < piece.end
        opening = line.opening_at(piece.start)
        assert opening is not None
        assert piece.end <= opening[1]
        assert line.zone in explain_piece(line, piece)
        assert all(0 <= n < len(line.observations.at) for n in deciding(line, piece))
        assert line.hours_at(piece.start) or not line.hours
        assert line.piece_at(piece.start) == piece


@given(polled_stores(most=1), st.sampled_from(["nearest", "previous"]))
def test_pieces_of_polled_stores_add_up_to_their_figures(
    drawn: tuple[Sequence[Store], int], interpolation: Interpolation
) -> None:
    (store,), as_of = drawn
    line = timeline(store, POLLED, as_of, interpolation)
    agree(line, columns.polled([store], as_of, interpolation=interpolation))
    hold_together(line)


@given(beating_stores(most=1))
def test_pieces_of_beating_stores_add_up_to_their_figures(
    drawn: tuple[Sequence[Store], int],
) -> None:
    (store,), as_of = drawn
    line = timeline(store, BEATING, as_of)
    agree(line, columns.beating([store], as_of))
    hold_together(line)


def at(text: str) -> int:
    return utc(text)


def test_polls_in_a_row_with_one_status_have_a_piece_each() -> None:
    polls = [(at("2023-01-23 10:00"), True), (at("2023-01-23 11:00"), True)]
    line = timeline(Store(polls=polls), POLLED, at("2023-01-23 12:00"))
    assert [(piece.source, piece.end - piece.start) for piece in line.pieces[-2:]] == [
        (0, HOUR + HOUR // 2),
        (1, HOUR + HOUR // 2),
    ]
    assert [deciding(line, piece) for piece in line.pieces[-2:]] == [[0, 1], [0, 1]]


def test_a_reason_says_status_source_hours_zone_and_offset() -> None:
    store = Store(
        [(0, clock("09:00"), clock("12:00"))],
        "America/Denver",
        [(at("2023-01-23 17:14"), True), (at("2023-01-23 18:15"), False)],
    )
    line = timeline(store, POLLED, at("2023-01-23 19:00"))
    assert [explain_piece(line, piece) for piece in line.pieces[-3:]] == [
        "09:00 to 09:14 up, estimated: nearest poll 10:14 active; "
        "open Mon 09:00-12:00 America/Denver (UTC-7)",
        "09:14 to 10:44 up: nearest poll 10:14 active; open Mon 09:00-12:00 America/Denver (UTC-7)",
        "10:44 to 12:00 down: nearest poll 11:15 inactive; "
        "open Mon 09:00-12:00 America/Denver (UTC-7)",
    ]


@pytest.mark.parametrize(
    ("polls", "rule", "words"),
    [
        ([("2023-01-16 16:00", False)], "inherited", "the last one before Mon 16 Jan 09:00"),
        ([], "unknown", "unknown: no poll while open in the 14 days before"),
    ],
)
def test_openings_without_polls_say_where_their_status_is_from(
    polls: list[tuple[str, bool]], rule: str, words: str
) -> None:
    rows = [(0, clock("09:00"), clock("12:00"))]
    store = Store(rows, "America/Denver", [(at(text), active) for text, active in polls])
    line = timeline(store, POLLED, at("2023-01-23 19:00"))
    assert line.pieces[-1].rule == rule
    assert words in explain_piece(line, line.pieces[-1])


def test_heartbeats_and_silence_say_when() -> None:
    beats = [at("2023-01-23 10:00"), at("2023-01-23 10:01")]
    store = Store(beats=beats, first_heartbeat=beats[0])
    line = timeline(store, BEATING, at("2023-01-23 11:00"))
    assert [
        explain_piece(line, piece).split(": ", 1)[1].split(";")[0] for piece in line.pieces
    ] == [
        "heartbeats 10:00:00 to 10:01:00, each good for 150 s",
        "silence, last heartbeat 10:01:00",
    ]


def said(treat_as: TreatAs, start: str, end: str) -> StoredCorrection:
    return StoredCorrection(
        id=1,
        correction_id="c",
        start=at(start),
        end=at(end),
        treat_as=treat_as,
        category="platform_outage",
        reason="our mistake",
        stores=None,
        labels=None,
    )


def test_corrected_time_says_who_decided_and_excluded_time_why_it_does_not_count() -> None:
    store = Store(polls=[(at("2023-01-23 10:00"), True)])
    corrections = [
        said("down", "2023-01-23 11:00", "2023-01-23 13:00"),
        said("excluded", "2023-01-23 12:00", "2023-01-23 14:00"),
    ]
    line = timeline(store, POLLED, at("2023-01-23 19:00"), corrections=corrections)
    piece = line.piece_at(at("2023-01-23 11:30"))
    assert piece is not None
    assert (piece.rule, piece.active, piece.end) == ("corrected", False, at("2023-01-23 12:00"))
    assert "corrected (platform outage: our mistake)" in explain_piece(line, piece)
    assert deciding(line, piece) == []
    assert line.piece_at(at("2023-01-23 12:30")) is None
    why = explain_instant(line, at("2023-01-23 12:30"))
    assert "not counted, excluded by a correction (platform outage: our mistake)" in why
