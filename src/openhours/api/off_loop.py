"""Work that grows with its input runs on another thread, so that the event loop goes on turning."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


async def off_loop(function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """Return the function's result, computed on another thread.

    One at a time, in the order of the calls: the interpreter has one lock, and each thread that
    wants it makes the event loop wait longer for its turn. So hold no connection meanwhile, and cut
    long work into pieces of some milliseconds: others then go in between.
    """
    return await to_thread.run_sync(function, *arguments, limiter=_one_at_a_time())


@cache
def _one_at_a_time() -> CapacityLimiter:
    return CapacityLimiter(1)
