"""Pages beside endpoints of the same path: who asks for HTML gets the page, all others JSON."""

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from openhours.api.negotiation import wants_page


class PageRoute(APIRoute):
    """A route that is there only for those who want a page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as any route does, for a request that wants a page."""
        match, found = super().matches(scope)
        # The path first: every request passes here.
        if match is not Match.NONE and not wants_page(scope):
            return Match.NONE, {}
        return match, found
