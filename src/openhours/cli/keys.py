"""`openhours keys`: API keys, what machines may do."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from openhours.cli.output import fail, read_settings, server_part, set_up_logging

app = typer.Typer(help="API keys: what machines may do.", no_args_is_help=True)


@app.command("create")
def create_key(
    scope: Annotated[
        list[str],
        typer.Option(help="ingest, track, report, correct, metrics or admin; may be repeated."),
    ],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    expires: Annotated[
        str | None,
        typer.Option(help="When it ends: 90d, or a UTC date such as 2027-01-31. Default: never."),
    ] = None,
) -> None:
    """Make a key and print it: it is shown this once."""
    settings = read_settings()
    set_up_logging("WARNING")
    known = server_part("accounts.keys").SCOPES
    unknown = [one for one in scope if one not in known]
    if unknown:
        fail(f"--scope: {', '.join(unknown)} is none of {', '.join(known)}")
    making = server_part("cli.key_commands").create_key(settings, name, scope, expires)
    typer.echo(asyncio.run(making))


@app.command("list")
def list_keys() -> None:
    """List all keys, never their secret."""
    settings = read_settings()
    set_up_logging("WARNING")
    asyncio.run(server_part("cli.key_commands").list_keys(settings))


@app.command("revoke")
def revoke_key(number: Annotated[int, typer.Argument(help="Its id in `keys list`.")]) -> None:
    """Revoke a key: within a second or so no server takes it any more."""
    settings = read_settings()
    set_up_logging("WARNING")
    if not asyncio.run(server_part("cli.key_commands").revoke_key(settings, number)):
        fail(f"there is no key {number}", 1)
