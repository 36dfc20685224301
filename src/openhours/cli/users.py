"""`openhours users`: the accounts of people who keep work sessions."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from openhours.cli.output import read_settings, server_part, set_up_logging

app = typer.Typer(help="Users: accounts with work sessions.", no_args_is_help=True)
Username = Annotated[str, typer.Argument(help="In any letter case.")]


@app.command("list")
def list_all() -> None:
    """List all users by name."""
    _run("print_all")


@app.command()
def disable(username: Username) -> None:
    """Disable an account: no login, and sessions end. Access tokens end within 15 minutes."""
    _run("set_disabled", username, True)


@app.command()
def enable(username: Username) -> None:
    """Enable an account that is disabled."""
    _run("set_disabled", username, False)


@app.command()
def delete(
    username: Username,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an account and all of its work sessions. This cannot be undone."""
    if not yes:
        typer.confirm(f"Delete {username} and all of their work sessions?", abort=True)
    _run("delete", username)


@app.command("set-password")
def set_password(username: Username) -> None:
    """Give a user another password, and end their sessions.

    The password is asked for, or read from standard input if that is not a terminal.
    """
    if sys.stdin.isatty():
        password = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    _run("set_password", username, password)


def _run(command: str, *args: object) -> None:
    settings = read_settings()
    set_up_logging("WARNING")
    asyncio.run(getattr(server_part("cli.user_commands"), command)(settings, *args))
