"""Headers of every response: what a browser may do with it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = b"content-security-policy"
# Everything comes from this service itself; nothing may frame it.
STRICT = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": browsers would then hide the origin of our own forms from us.
    (b"referrer-policy", b"same-origin"),
]
_NO_STORE = (b"cache-control", b"no-store")
# Browsers then never use plain HTTP for this host, for a year from the last answer on.
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """The outermost layer, so that even the answer to a crash has the headers."""

    def __init__(self, app: ASGIApp, behind_tls: bool, never_stored: tuple[str, ...]) -> None:
        self._app = app
        self._never_stored = never_stored  # beginnings of paths
        self._headers = [*_HEADERS, _ONLY_TLS] if behind_tls else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with the headers added where a response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *self._headers]
                if not any(name == _POLICY for name, _ in headers):  # /redoc has its own
                    headers.append((_POLICY, STRICT.encode()))
                if scope["path"].startswith(self._never_stored):
                    headers = [one for one in headers if one[0] != b"cache-control"] + [_NO_STORE]
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)
