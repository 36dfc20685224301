"""Whether a user agent is a bot's."""

from functools import lru_cache

from crawlerdetect import CrawlerDetect

# Known bots name themselves early; and the patterns take quadratic time on long words.
_LOOKED_AT = 256

_detector = CrawlerDetect()


@lru_cache(maxsize=4096)
def is_bot(user_agent: str) -> bool:
    """Whether the agent is a known crawler, library or monitor (crawlerdetect's list)."""
    return bool(_detector.is_crawler(user_agent[:_LOOKED_AT]))
