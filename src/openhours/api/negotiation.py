"""Read `Accept` (RFC 9110) and `Prefer` (RFC 7240): one parser for every route, page and guard."""

import re

from starlette.datastructures import Headers
from starlette.types import Scope

# Lists and parameters end at a separator that does not stand inside a quoted string.
_ITEMS = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')
_PARTS = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*"?)+')


def accepted(headers: Headers) -> dict[str, float]:
    """Return each media range of `Accept`, in lower case, with its weight; no header is `*/*`."""
    return _weights(",".join(headers.getlist("accept")) or "*/*")


def accepts_gzip(headers: Headers) -> bool:
    """Return whether `Accept-Encoding` names gzip, or everything, with a weight above 0."""
    weights = _weights(",".join(headers.getlist("accept-encoding")))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0))) > 0


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for item in _ITEMS.findall(text):
        media, *parameters = _PARTS.findall(item) or [""]
        name = media.strip().lower()
        weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                break
    return 1.0


def wants_page(scope: Scope) -> bool:
    """Return whether the client names `text/html`, as browsers do when a person goes somewhere."""
    return accepted(Headers(scope=scope)).get("text/html", 0) > 0


def preferences(headers: Headers) -> dict[str, str]:
    """Return the preferences of all `Prefer` lines: names in lower case, each with its value or "".

    Of a preference that is repeated the first counts; parameters are left out.
    """
    found: dict[str, str] = {}
    for item in _ITEMS.findall(",".join(headers.getlist("prefer"))):
        name, _, value = (_PARTS.findall(item) or [""])[0].partition("=")
        found.setdefault(name.strip().lower(), _unquoted(value.strip()))
    return found


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def prefers_async(headers: Headers) -> bool:
    """Return whether the client sent `Prefer: respond-async`, a preference without a value."""
    return preferences(headers).get("respond-async") == ""


def seconds_to_wait(headers: Headers, most: int) -> int:
    """Return N of `Prefer: wait=N`, `most` at most; 0 without it, or if it is no number."""
    value = preferences(headers).get("wait", "")
    if not (value.isascii() and value.isdigit()):
        return 0
    # Python refuses to read a number of thousands of digits.
    return min(int(value), most) if len(value) < 10 else most
