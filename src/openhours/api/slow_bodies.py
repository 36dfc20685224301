"""Bodies that stall, or come a few bytes at a time, end in a 408, however the server is started."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A body may be waited for so long; what arrives earns as much again as it takes at this rate.
PATIENCE_SECONDS = 30.0
_BYTES_A_SECOND = 1000


class SlowBodies:
    """Bound the time for which the application waits for a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; what reads its body too long raises a 408."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = PATIENCE_SECONDS
        complete = False

        async def receive_in_time() -> Message:
            nonlocal left, complete
            if complete:  # it waits for the client to go away
                return await receive()
            begun = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(left):
                    message = await receive()
            except TimeoutError:
                # The rest of the body would be taken for the next request.
                headers = {"Connection": "close"}
                raise HTTPException(408, "the body came too slowly", headers) from None
            left -= asyncio.get_running_loop().time() - begun
            earned = len(message.get("body", b"")) / _BYTES_A_SECOND
            left = min(left + earned, PATIENCE_SECONDS)
            complete = not message.get("more_body", False)
            return message

        await self._app(scope, receive_in_time, send)
