"""Telling bots by their user agent."""

from functools import cache

from anyio import CapacityLimiter, to_thread
from crawlerdetect import CrawlerDetect

# Known bots name themselves early; and the patterns take quadratic time on long words.
_PREFIX = 256
_MAX_KNOWN = 4096

_detector = CrawlerDetect()
_known: dict[str, bool] = {}


async def is_bot(user_agent: str) -> bool:
    """Return whether the agent is a known crawler, library or monitor (crawlerdetect's list)."""
    agent = user_agent[:_PREFIX]
    if agent not in _known:
        # Milliseconds, on a thread of its own: other agents wait, and nothing else does.
        found = await to_thread.run_sync(_detector.is_crawler, agent, limiter=_one_at_a_time())
        if len(_known) >= _MAX_KNOWN:
            del _known[next(iter(_known))]
        _known[agent] = bool(found)
    return _known[agent]


@cache
def _one_at_a_time() -> CapacityLimiter:
    return CapacityLimiter(1)
