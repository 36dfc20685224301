"""Bodies beyond a route's `max_body_size`: FastAPI's 413 is plain text, ours is a problem."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openhours.api.error_responses import problem_response


class TooLargeAsProblem:
    """Replace a plain-text 413 by problem details, as every other error is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but that answer."""
        replaced = False

        async def send_or_replace(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_plain_413(message):
                replaced = True
                problem = problem_response(413, "the body is larger than this route accepts")
                await problem(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, send_or_replace)


def _is_plain_413(message: Message) -> bool:
    headers = Headers(raw=message.get("headers", []))
    return message["status"] == 413 and headers.get("content-type", "").startswith("text/plain")
