"""Keys that are none are counted by address, in memory: the paths that PCs call need no query.

A right key is taken from an address over the limit, too, if it was used from there before: one
that guesses does not shut out the PCs beside it.
"""

import time
from collections import OrderedDict
from typing import TypeVar

from openhours.accounts.throttle import Limit, network_of
from openhours.errors import TooManyRequests

_MAX_REMEMBERED = 10_000
K = TypeVar("K")
V = TypeVar("V")


class KeyGuesses:
    """Addresses that sent keys that are none, and those where right ones are used."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._used: OrderedDict[tuple[bytes, str], None] = OrderedDict()

    def check(self, key_hash: bytes, address: str) -> None:
        """Raise TooManyRequests for an address over the limit, unless the key is used there."""
        network = network_of(address)
        seconds = self._seconds_to_wait(network)
        if seconds and (key_hash, network) not in self._used:
            raise TooManyRequests("too many keys that are not valid; try again later", seconds)

    def succeed(self, key_hash: bytes, address: str) -> None:
        """Remember that the key is used at this address."""
        _put(self._used, (key_hash, network_of(address)), None)

    def fail(self, address: str) -> None:
        """Count a key that is none."""
        network = network_of(address)
        failures, began = self._current(network)
        _put(self._failures, network, (failures + 1, began))

    def _seconds_to_wait(self, network: str) -> int:
        failures, began = self._current(network)
        if failures < self._limit.attempts:
            return 0
        return max(1, round(began + self._limit.window.total_seconds() - time.monotonic()))

    def _current(self, network: str) -> tuple[int, float]:
        """Return the failures in the present window, and when it began."""
        found = self._failures.get(network)
        now = time.monotonic()
        if found is None or now - found[1] >= self._limit.window.total_seconds():
            return 0, now
        return found


def _put(remembered: OrderedDict[K, V], key: K, value: V) -> None:
    """Put the newest last, and forget the oldest of too many."""
    remembered[key] = value
    remembered.move_to_end(key)
    if len(remembered) > _MAX_REMEMBERED:
        remembered.popitem(last=False)
