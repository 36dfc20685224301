"""The path of OPENHOURS_PUBLIC_URL: a proxy serves the application below it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCATION = b"location"


class PublicPath:
    """Serves the application below a path, to proxies that strip it and to those that do not.

    Inside, `scope["path"]` always begins with the path, and `scope["root_path"]` is the path, as
    ASGI has it. Routes and `Location` do not know of it: here it is added to the latter.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its public path."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path != self._path and not path.startswith(f"{self._path}/"):
            path = self._path + path
        await self._app(
            {**scope, "path": path, "root_path": self._path}, receive, self._sender(send)
        )

    def _sender(self, send: Send) -> Send:
        async def send_public(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._path.encode() + value)
                    if name == _LOCATION and value.startswith(b"/")
                    else (name, value)
                    for name, value in message.get("headers", ())
                ]
            await send(message)

        return send_public
