"""Telling bots by their user agent."""

from functools import lru_cache

from crawlerdetect import CrawlerDetect

# Known bots name themselves early; and the patterns take quadratic time on long words.
_PREFIX = 256

_detector = CrawlerDetect()


@lru_cache(maxsize=4096)
def is_bot(user_agent: str) -> bool:
    """Return whether the agent is a known crawler, library or monitor (crawlerdetect's list)."""
    return bool(_detector.is_crawler(user_agent[:_PREFIX]))
