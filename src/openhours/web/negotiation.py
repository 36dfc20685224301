"""Pages beside endpoints of the same path: who asks for HTML gets the page, all others JSON."""

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope


def wants_page(scope: Scope) -> bool:
    """Whether the client named `text/html`, as browsers do when a person goes somewhere."""
    return "text/html" in Headers(scope=scope).get("accept", "")


class PageRoute(APIRoute):
    """A route that is there only for those who want a page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As any route, for a request that wants a page."""
        if scope["type"] == "http" and not wants_page(scope):
            return Match.NONE, {}
        return super().matches(scope)
