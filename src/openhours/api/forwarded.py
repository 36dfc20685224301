"""`X-Forwarded-For` and `X-Forwarded-Proto` are believed from listed proxies alone."""

from collections.abc import Sequence
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


class ForwardedHeaders:
    """Says who the client is, the same however the server was started.

    `openhours serve` leaves these headers to this layer. `uvicorn` and `fastapi` believe them from
    127.0.0.1 before they call the application, whatever OPENHOURS_TRUSTED_PROXIES says.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = ProxyHeadersMiddleware(cast("Any", app), list(trusted))
        self._by_default = ProxyHeadersMiddleware(cast("Any", app)).trusted_hosts
        self._trusts_loopback = "127.0.0.1" in self._app.trusted_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with the client's address where a listed proxy says it."""
        if scope["type"] == "http" and self._may_be_rewritten(scope):
            # If loopback is listed, what follows is right for both: a client that is listed itself
            # would only name others that it is believed to know. If not, who it is is not known.
            client = ("127.0.0.1", 0) if self._trusts_loopback else None
            scope = {**scope, "client": client}
        await self._app(cast("Any", scope), cast("Any", receive), cast("Any", send))

    def _may_be_rewritten(self, scope: Scope) -> bool:
        """Return whether the client is the one that uvicorn would take from the headers."""
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if not values or not scope.get("client"):
            return False
        said, _ = self._by_default.get_trusted_client_address(b", ".join(values).decode("latin1"))
        return bool(scope["client"][0] == said)
