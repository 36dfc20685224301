"""`openhours ingest`: load files here, or upload them to a server elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openhours.cli import remote_commands
from openhours.cli.output import fail, read_settings, server_part, set_up_logging
from openhours.cli.server import KeyOption, ServerFailed, ServerOption, server_at

_KINDS = ("status", "hours", "special_hours", "timezones", "labels")


def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV files: polls, business hours, special hours, time zones or labels."
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="What the files hold: status, hours, special_hours, timezones or labels. Without "
            "it their headers tell, and of labels a name that begins with labels."
        ),
    ] = None,
    server: ServerOption = None,
    key: KeyOption = None,
) -> None:
    """Load files, one after the other. Exit code 1 when one was refused."""
    if kind is not None and kind not in _KINDS:
        fail(f"--kind: {', '.join(_KINDS)}")
    elsewhere = server_at(server, key)
    if elsewhere is not None:
        try:
            done = remote_commands.ingest(elsewhere, files, kind)
        except ServerFailed as error:
            fail(str(error), 1)
    else:
        settings = read_settings()
        set_up_logging("WARNING")
        commands = server_part("cli.commands")
        done = commands.run(commands.ingest(settings, files, kind))
    if not done:
        raise typer.Exit(1)
