"""Rows of business hours -> opening and closing on each local date.

On a date a store opens by its special hours for that date, else by the rows of the week that are
valid then. An interval belongs to the date on which it begins, also after midnight:

    date              Mon 1          Tue 2          Wed 3, special    Thu 4
    week 20:00-02:00  |       ####|####     ####|####              |         ####|
    special 18-19                                             #
                              of Monday     of Tuesday         of Wednesday
"""

from dataclasses import dataclass

import numpy as np

from openhours.times import DAY, MINUTE
from openhours.uptime.axis import Bool, Int64

_AS_GOOD_AS_MIDNIGHT = DAY - MINUTE
# The weekday of 1970-01-01; 0 is Monday.
THURSDAY = 3

# `opens` and `closes` of a row that says: closed.
CLOSED = -1
# `valid_from` of hours that have always been valid, and a date after all others.
ALWAYS = -(2**31)
_NEVER = 2**31 - 1
# `store` of special hours of every store without special hours of its own for the date.
EVERY = -1
# `row` of a store without any row.
NO_ROW = -1


@dataclass(frozen=True)
class WeekHours:
    """Rows of business hours in any order, as parsed: `day` 0 is Monday.

    `opens` and `closes` are in µs since local midnight, 0 to 86,400,000,000, or both CLOSED.
    `valid_from` is a local date in days since 1970-01-01, or ALWAYS. The rows of a store with one
    `valid_from` are a version, valid until the store's next one begins.
    """

    store: Int64
    day: Int64
    opens: Int64
    closes: Int64
    valid_from: Int64


@dataclass(frozen=True)
class SpecialHours:
    """Hours of single local dates (days since 1970-01-01) instead of those of the week.

    `store` may be EVERY; `opens` and `closes` as in WeekHours.
    """

    store: Int64
    date: Int64
    opens: Int64
    closes: Int64


_NOTHING = np.empty(0, np.int64)
NO_SPECIAL_HOURS = SpecialHours(_NOTHING, _NOTHING, _NOTHING, _NOTHING)


@dataclass(frozen=True)
class DatedRows:
    """Rows with their opening and closing on each of k dates, in µs of local time.

    `store` and `row` are (n,), `opens` and `closes` (n, k); equal where the row says nothing for
    the date. `row` is a position in the rows of the week, or behind those m rows m + a position in
    the special hours, or NO_ROW.
    """

    store: Int64
    row: Int64
    opens: Int64
    closes: Int64


def always_open(week: WeekHours, stores: int) -> Bool:
    """Return which stores have no row of the week at all: (stores,)."""
    return np.asarray(np.bincount(week.store, minlength=stores) == 0)


def rows_by_date(
    week: WeekHours, special: SpecialHours, stores: int, dates: range
) -> tuple[DatedRows, DatedRows]:
    """Return the rows of the week and those of special dates, on the local `dates` (whole weeks).

    A store without rows of the week is open all day around its special dates; where it has none
    in `dates` it has no row here either.
    """
    rows = len(week.store)
    special, position = of_each_store(special, stores, dates)
    replaced = np.zeros((stores, len(dates)), np.bool_)
    replaced[special.store, special.date - dates.start] = True
    week, row = _with_open_days(week, always_open(week, stores) & replaced.any(axis=1))

    date = (dates.start + (week.day - (dates.start + THURSDAY)) % 7)[:, None]
    date = date + np.arange(0, len(dates), 7)
    opens, closes = _on(week.opens, week.closes, date)
    if len(special.store):
        closes = np.where(replaced[week.store[:, None], date - dates.start], opens, closes)
    if (week.valid_from != ALWAYS).any():
        since, until = (bound[:, None] for bound in _validity(week))
        closes = np.where((since <= date) & (date < until), closes, opens)
    return (
        DatedRows(week.store, row, opens, closes),
        DatedRows(
            special.store,
            rows + position,
            *_on(special.opens, special.closes, special.date[:, None]),
        ),
    )


def overlapping(week: WeekHours) -> Bool:
    """Return which rows overlap another one of their version, some of each that do: (rows,)."""
    rows = len(week.store)
    opens, closes = (edge.ravel() for edge in _on(week.opens, week.closes, week.day[:, None]))
    # Twice, for what begins on Sunday may last into Monday.
    start, end = np.append(opens, opens + 7 * DAY), np.append(closes, closes + 7 * DAY)
    store, valid_from = np.tile(week.store, 2), np.tile(week.valid_from, 2)
    order = np.lexsort((end, start, valid_from, store))
    order = order[start[order] < end[order]]
    before, after = order[:-1], order[1:]
    overlap = (store[before] == store[after]) & (valid_from[before] == valid_from[after])
    overlap &= start[after] < end[before]
    found = np.zeros(rows, np.bool_)
    for of in (before, after):
        found[of[overlap] % rows] = True
    return found


def _on(opens: Int64, closes: Int64, date: Int64) -> tuple[Int64, Int64]:
    """Return opening and closing of rows (n,) on dates (n, k) in µs of local time: (n, k) each."""
    closed = opens == CLOSED
    closes = np.where(closes >= _AS_GOOD_AS_MIDNIGHT, DAY, closes)
    closes = np.where(closed, opens, np.where(closes <= opens, closes + DAY, closes))
    midnight = date * DAY
    return midnight + opens[:, None], midnight + closes[:, None]


def of_each_store(special: SpecialHours, stores: int, dates: range) -> tuple[SpecialHours, Int64]:
    """Return the special hours within `dates`, each of one store, and their positions before."""
    near = np.flatnonzero((special.date >= dates.start) & (special.date < dates.stop))
    for_every = special.store[near] == EVERY
    own, every = near[~for_every], near[for_every]
    has_own = np.zeros((stores, len(dates)), np.bool_)
    has_own[special.store[own], special.date[own] - dates.start] = True
    which, store = np.nonzero(~has_own[:, special.date[every] - dates.start].T)
    position = np.concatenate((own, every[which]))
    of_store = SpecialHours(
        np.concatenate((special.store[own], store)),
        special.date[position],
        special.opens[position],
        special.closes[position],
    )
    return of_store, position


def _with_open_days(week: WeekHours, some: Bool) -> tuple[WeekHours, Int64]:
    """Add 00:00-24:00 on every day for some stores (stores,); return each row's position before."""
    store = np.repeat(np.flatnonzero(some), 7)
    added = len(store)
    columns = (
        (week.store, store),
        (week.day, np.arange(added) % 7),
        (week.opens, np.zeros(added, np.int64)),
        (week.closes, np.full(added, DAY)),
        (week.valid_from, np.full(added, ALWAYS)),
    )
    row = np.append(np.arange(len(week.store)), np.full(added, NO_ROW))
    return WeekHours(*map(np.concatenate, columns)), row


def _validity(week: WeekHours) -> tuple[Int64, Int64]:
    """Return the date from which each row is valid and that from which it is no longer: (n,) each.

    The first version of a store holds for the time before it, too:

        valid_from           1 Mar        1 Jun
        versions   ----------|-- a -------|-- b -->
        since, until   always|...to 1 Jun |1 Jun to never
    """
    order = np.lexsort((week.valid_from, week.store))
    store, valid_from = week.store[order], week.valid_from[order]
    first_of_store = np.diff(store, prepend=-1) != 0
    first = first_of_store | (np.diff(valid_from, prepend=0) != 0)
    version = np.cumsum(first) - 1
    begins, is_first = valid_from[first], first_of_store[first]
    ends = np.append(np.where(is_first[1:], _NEVER, begins[1:]), _NEVER)
    since, until = np.empty((2, len(order)), np.int64)
    since[order] = np.where(is_first, ALWAYS, begins)[version]
    until[order] = ends[version]
    return since, until
