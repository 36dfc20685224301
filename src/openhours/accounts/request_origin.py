"""Where a request comes from: its address, the name it was sent to, and proxies on the way."""

import re
from typing import Any

from fastapi import Request

from openhours.api.dependencies import address_of
from openhours.db.machine import is_loopback

# What proxies add; a request that has one of these was not sent by a program on this machine.
_PROXY_HEADER = re.compile(r"forwarded|via|x-real-ip|x-forwarded-.*")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)


def host_of(request: Request) -> str | None:
    """Return the name or address the request was sent to, in lower case and without the port.

    None if there is none that can be read.
    """
    hosts = request.headers.getlist("host")
    parsed = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    return parsed[1].strip("[]").lower().rstrip(".") if parsed else None


def is_local(request: Request) -> bool:
    """Return whether a program on this machine sent the request, itself and to a local name.

    The name matters, too: a web site may give its own name this machine's address. A proxy on this
    machine sends what others ask for: from a loopback address, and nginx and Apache even under a
    local name. It is known by its headers or, where nginx adds none, by its HTTP/1.0.
    """
    server: Any = request.scope.get("server")
    return (
        is_loopback(address_of(request))
        and is_loopback(str(server[0] if server else ""))
        and is_loopback(host_of(request) or "")
        and request.scope["http_version"] != "1.0"
        and not any(_PROXY_HEADER.fullmatch(name) for name in request.headers)
    )
