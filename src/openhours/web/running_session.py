"""The running session of a user who is signed in: every page's header shows its clock."""

from fastapi import Request

from openhours.accounts.access_control import CurrentCaller
from openhours.api.dependencies import Engine
from openhours.work_sessions import sessions
from openhours.work_sessions.sessions import SessionRow


async def find_running_session(request: Request, engine: Engine, caller: CurrentCaller) -> None:
    """Look for the caller's running session; the dependency of every page."""
    if caller.user is not None:
        async with engine.connect() as connection:
            request.state.running_session = await sessions.running(connection, caller.user.id)


def running_session(request: Request) -> SessionRow | None:
    """Return what was found."""
    return getattr(request.state, "running_session", None)
