"""`openhours corrections`: what people say about stretches of the past."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from openhours.cli.options import Labels, Stores
from openhours.cli.output import read_settings, server_part, set_up_logging

app = typer.Typer(
    no_args_is_help=True,
    help="Corrections: time that is not counted, or is known to have been up or down.",
)
Timezone = Annotated[
    str | None, typer.Option(help="The zone of local times, e.g. Europe/Berlin.", metavar="ZONE")
]
_INSTANT = "'2022-10-07 14:00' with --timezone, or 2022-10-07T12:00:00Z."


@app.command()
def make(
    begins: Annotated[str, typer.Option("--from", help=f"First moment: {_INSTANT}")],
    ends: Annotated[str, typer.Option("--to", help="End, not corrected itself; may be ahead.")],
    treat_as: Annotated[str, typer.Option(help="excluded (not counted), up or down.")],
    category: Annotated[
        str, typer.Option(help="maintenance, holiday, platform_outage, data_error or other.")
    ],
    reason: Annotated[str, typer.Option(help="Why, in up to 500 characters.")],
    store: Stores = None,
    label: Labels = None,
    every: Annotated[bool, typer.Option("--all", help="All stores and PCs.")] = False,
    timezone: Timezone = None,
) -> None:
    """Correct a stretch of time of some stores, or of all, and print the correction's id.

    Reports that run from now on keep to it. Where corrections meet, the one made last decides.
    """
    settings = read_settings()
    set_up_logging("WARNING")
    making = server_part("cli.correction_commands").make(
        settings,
        begins=begins,
        ends=ends,
        timezone=timezone,
        store_ids=store or None,
        labels=label,
        all=every,
        treat_as=treat_as,
        category=category,
        reason=reason,
    )
    typer.echo(asyncio.run(making))


@app.command("list")
def list_all(timezone: Timezone = None) -> None:
    """List all corrections, the last made first, revoked ones, too; times in UTC or --timezone."""
    settings = read_settings()
    set_up_logging("WARNING")
    asyncio.run(server_part("cli.correction_commands").print_all(settings, timezone))


@app.command()
def revoke(
    correction_id: Annotated[str, typer.Argument(help="Its id in `corrections list`.")],
) -> None:
    """Revoke a correction: the next report is as if it had never been made. It stays listed."""
    settings = read_settings()
    set_up_logging("WARNING")
    asyncio.run(server_part("cli.correction_commands").revoke(settings, correction_id))
