"""`openhours hours`: business hours, special hours and time zone of a store."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from openhours.cli.output import read_settings, server_part, set_up_logging

app = typer.Typer(no_args_is_help=True, help="Business hours, special hours and time zones.")
special = typer.Typer(
    no_args_is_help=True, help="Special hours: when a store opens on single dates."
)
app.add_typer(special, name="special")

StoreId = Annotated[str, typer.Argument(help="The store; a PC's is pc:<name>.")]
StoreOrEvery = Annotated[
    str, typer.Argument(help="The store, or '*': every polled store.", metavar="STORE")
]
Date = Annotated[str, typer.Argument(help="A local date: 2024-12-25.")]
ValidFrom = Annotated[
    str | None,
    typer.Option(
        help="The local date from which they are valid; without it, those that have always been.",
        metavar="DATE",
    ),
]


@app.command("set")
def set_hours(
    store: StoreId,
    week: Annotated[
        list[str],
        typer.Argument(
            help="Days and their times: mon-fri 09:00-17:30 sat 10:00-14:00; always; closed"
        ),
    ],
    valid_from: ValidFrom = None,
) -> None:
    """Replace the hours in which a store should be open; all that is not named is closed.

    Days: mon, mon-fri, mon,wed,fri or daily, followed by one or more times. 22:00-06:00 ends on the
    next day; 24:00 may be an end. Hours that are valid from another date stay as they are.
    """
    _run("set_hours", store, week, valid_from)


@app.command()
def remove(store: StoreId, valid_from: ValidFrom = None) -> None:
    """Remove the hours of a store that are valid from a date. Without any it is always open."""
    _run("remove_hours", store, valid_from)


@app.command("zone")
def set_timezone(
    store: StoreId, zone: Annotated[str, typer.Argument(help="IANA name: Europe/Berlin.")]
) -> None:
    """Replace the time zone in which a store's hours are meant."""
    _run("set_timezone", store, zone)


@app.command()
def show(store: StoreId) -> None:
    """Print the hours of a store, with the dates from which they are valid, and special hours."""
    _run("show_hours", store)


@special.command("list")
def list_special(
    store: Annotated[
        str | None, typer.Argument(help="Only of this store, or of '*'.", metavar="STORE")
    ] = None,
) -> None:
    """List special hours, the last date first."""
    _run("list_special_hours", store)


@special.command("set")
def set_special(
    store: StoreOrEvery,
    date: Date,
    times: Annotated[
        list[str], typer.Argument(help="09:00-12:00 14:00-16:00, or closed.", metavar="TIMES")
    ],
) -> None:
    """Set when a store opens on a date, instead of what its week says.

    A store's own special hours count before those of '*', which say nothing about PCs.
    """
    _run("set_special_hours", store, date, times)


@special.command("remove")
def remove_special(store: StoreOrEvery, date: Date) -> None:
    """Remove the special hours of a date: the store opens as in other weeks."""
    _run("remove_special_hours", store, date)


def _run(name: str, *arguments: object) -> None:
    settings = read_settings()
    set_up_logging("WARNING")
    asyncio.run(getattr(server_part("cli.hours_commands"), name)(settings, *arguments))
