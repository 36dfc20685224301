"""Fingerprints of rows: equal for equal rows in whatever order, for others hardly ever.

Each row is mixed into a word, and the fingerprint is the sum of the words, modulo 2^32. So the
fingerprints of two stretches of time add up to that of both.
"""

import numpy as np
from numpy.typing import NDArray

from openhours.uptime.axis import Bool, Int64

Prints = NDArray[np.uint32]
# Of each row 64 bits, of which the lower half is well mixed and counts.
Words = NDArray[np.uint64]

_SEED = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)
# So many rows at once stay in the processor's cache.
_CHUNK = 1 << 14


def mixed(*columns: Int64 | Bool) -> Words:
    """Return a word for each row of columns (n,)."""
    words = np.full(len(columns[0]), _SEED)
    for start in range(0, len(words), _CHUNK):
        part = slice(start, start + _CHUNK)
        some = words[part]
        for column in columns:
            some += column[part].astype(np.uint64)
            some *= _FACTOR
            some ^= some >> _HALF
    return words


def of_observations(at: Int64, active: Bool) -> Words:
    """Return a word for each observation (n,), whatever its store; `at` in µs."""
    return mixed((at << 1) | active)


def by_group(words: Words, group: Int64, groups: int) -> Prints:
    """Return the fingerprint of the rows of each group: (groups,)."""
    sums = np.zeros(groups, np.uint64)
    np.add.at(sums, group, words)
    return sums.astype(np.uint32)


def by_stretch(words: Words, store: Int64, at: Int64, stores: int, edges: Int64) -> Prints:
    """Return the fingerprints of rows between each two edges (k,), ascending: (stores, k - 1).

    The rows are sorted by (store, at), and `at` lies in [first edge, last edge). Their words are
    used up.
    """
    if not len(words):
        return np.zeros((stores, len(edges) - 1), np.uint32)
    span = edges[-1] - edges[0]
    keys = store * span
    keys += at
    all_edges = (np.arange(stores)[:, None] * span + edges).ravel()
    before = np.searchsorted(keys, all_edges).reshape(stores, -1)
    # In place: a new array takes as long as its sums.
    passed = np.cumsum(words, out=words)
    sums = np.where(before > 0, passed[before - 1], np.uint64(0))
    return (sums[:, 1:] - sums[:, :-1]).astype(np.uint32)
