"""Results that pages have computed from complete reports: they never change, so they are kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated, Any, TypeVar
from weakref import WeakValueDictionary

from fastapi import Depends

from openhours.api.dependencies import Resource

_MAX_RESULTS = 64

T = TypeVar("T")


class Kept:
    """A cache of the most recently used results.

    Keys name a report by its `report_id`: a database that was restored gives its numbers again.
    """

    def __init__(self) -> None:
        self._results = OrderedDict[Hashable, Any]()
        # Those that are being computed.
        self._locks = WeakValueDictionary[Hashable, asyncio.Lock]()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result for a key, computed by `make` if it is not in the cache.

        Whoever asks for it meanwhile waits for it. Raise what `make` raises, which is not kept.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._results:
                self._results[key] = await make()
            self._results.move_to_end(key)
            while len(self._results) > _MAX_RESULTS:
                self._results.popitem(last=False)
            result: T = self._results[key]
        return result


KEPT: Resource[Kept] = Resource("kept")
KeptResults = Annotated[Kept, Depends(KEPT)]
