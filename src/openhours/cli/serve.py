"""The long-running process behind `openhours serve`."""

import asyncio
import logging
import signal
import socket
import sys

import uvicorn
from starlette.applications import Starlette

from openhours.accounts.keys import KeyRing
from openhours.db import database
from openhours.db.machine import is_loopback
from openhours.delivery import checks
from openhours.errors import SettingsError
from openhours.process_pool import fork_server
from openhours.reports import executors
from openhours.settings import Settings
from openhours.worker import run  # noqa: F401  loaded before the fork, for all workers

# Requests may end for so long after SIGTERM; then clients that stall are cut off.
_GRACE_SECONDS = 10


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            name = self.servers[0].sockets[0].getsockname()
            host = f"[{name[0]}]" if ":" in name[0] else name[0]
            print(f"openhours is at http://{host}:{name[1]} (API: /docs)", flush=True)


def serve(settings: Settings) -> None:
    """Run the HTTP service until it is told to stop. Raise SettingsError before it begins."""
    executors.check(settings)
    database.check(settings)
    if settings.worker:
        checks.check(settings)
        fork_server()
    _refuse_open_network(settings)
    _refuse_port_in_use(settings)
    verbose = logging.getLogger().level <= logging.DEBUG
    logging.getLogger("uvicorn.error").setLevel(logging.DEBUG if verbose else logging.WARNING)
    # Only here: workers, which are forked above, are smaller without it.
    from openhours.app import app  # noqa: PLC0415
    from openhours.cli import connections  # noqa: PLC0415

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=verbose,
        proxy_headers=False,  # `api.forwarded` knows whom to believe
        http=connections.Connection,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        lifespan="off",  # `_run` does it
    )
    connections.raise_descriptor_limit()
    server = _Server(config)
    # uvicorn raises the signal again once it has ended: unhandled, it would skip what is done at
    # exit, and the embedded PostgreSQL would run on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_run(server, app))
    if not server.started:
        sys.exit(3)


async def _run(server: uvicorn.Server, app: Starlette) -> None:
    """Serve while the application's resources are open.

    uvicorn would log a traceback of what they refuse, and hear no signal before they are open.
    """
    interrupted: asyncio.CancelledError | None = None
    async with app.router.lifespan_context(app):
        try:
            await server.serve()
            # Once it has ended, uvicorn raises the signal again, and asyncio turns Ctrl-C into a
            # cancellation. It must arrive here: later it would cut off the wait for the worker.
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted


def _refuse_open_network(settings: Settings) -> None:
    """Raise SettingsError where anyone could reach the service and no key keeps them out."""
    meant = settings.open or settings.allowed_hosts
    if not (meant or is_loopback(settings.host) or asyncio.run(_has_keys(settings))):
        raise SettingsError(
            f"on {settings.host} the service would answer everyone who can reach it: "
            "make a key first (openhours keys create --scope admin --name me), or set "
            "OPENHOURS_ADMIN_KEY; if everyone is meant to use it without a key, list the names "
            "under which they reach it in OPENHOURS_ALLOWED_HOSTS, or set OPENHOURS_OPEN=1"
        )


def _refuse_port_in_use(settings: Settings) -> None:
    """Raise SettingsError where nobody could listen, before the database is opened for nothing."""
    host, port = settings.host, settings.port
    try:
        for family, kind, _, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind) as probe:
                # As asyncio does: connections of a server that has ended are not in the way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}; "
            "choose another with --port and --host (OPENHOURS_PORT, OPENHOURS_HOST)"
        ) from None


async def _has_keys(settings: Settings) -> bool:
    async with database.opened(settings) as (engine, _):
        return await KeyRing(engine, settings).has_keys()
