"""What pages have computed of complete reports, which never change: kept for who looks next."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated, Any, TypeVar

from fastapi import Depends

from openhours.api.dependencies import Resource

_MOST = 64

T = TypeVar("T")


class Kept:
    """The results that were used last, by what they are of."""

    def __init__(self) -> None:
        self._found = OrderedDict[Hashable, Any]()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a key, made by `make` if there is none."""
        if key not in self._found:
            made = await make()
            self._found[key] = made
        self._found.move_to_end(key)
        while len(self._found) > _MOST:
            self._found.popitem(last=False)
        result: T = self._found[key]
        return result


KEPT: Resource[Kept] = Resource("kept")
KeptResults = Annotated[Kept, Depends(KEPT)]
