"""`openhours report`: a report of the database here, or of a server elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from openhours.cli import remote_commands
from openhours.cli.options import Labels, Stores
from openhours.cli.output import fail, read_settings, server_part, set_up_logging
from openhours.cli.server import KeyOption, ServerFailed, ServerOption, server_at
from openhours.stores.label_texts import parse_labels


def report(
    as_of: Annotated[
        str | None, typer.Option(help="Look back from this instant, e.g. 2023-01-25T18:13:22Z.")
    ] = None,
    interpolation: Annotated[str, typer.Option(help="nearest or previous.")] = "nearest",
    store: Stores = None,
    label: Labels = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            help="Sum up this stretch of time: last_week, P30D, 2022-10, previous_month, "
            "days:previous_week …; may be given several times. Default: the last hour, day and "
            "week."
        ),
    ] = None,
    calendar_timezone: Annotated[
        str | None, typer.Option(help="The zone that says which day today is, e.g. Europe/Berlin.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The file to write; standard output without it."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv, json, parquet or xlsx.")] = "csv",
    layout: Annotated[
        str, typer.Option(help="wide: a line a store; long: a line a store and window.")
    ] = "wide",
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Add the confidence columns, how sure uptime is, and who met their target.",
        ),
    ] = False,
    outages: Annotated[
        Path | None, typer.Option(help="List the outages, too, in this file, in the same format.")
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="A line for each value of this label, e.g. region, with sums over its stores.",
            metavar="KEY",
        ),
    ] = None,
    server: ServerOption = None,
    key: KeyOption = None,
) -> None:
    """Compute a report and write its rows."""
    _check(interpolation, form, layout, group_by, out, outages)
    written = (out, form, layout, full, outages, group_by)
    options: dict[str, Any] = {
        "interpolation": interpolation,
        "store_ids": store or None,
        "labels": parse_labels(label) if label else None,
        "windows": window or None,
        "calendar_timezone": calendar_timezone,
    }
    elsewhere = server_at(server, key)
    if elsewhere is not None:
        try:
            done = remote_commands.report(elsewhere, *written, as_of=as_of, **options)
        except ServerFailed as error:
            fail(str(error), 1)
    else:
        settings = read_settings()
        set_up_logging("WARNING")
        instant = _instant(as_of)
        commands = server_part("cli.commands")
        done = commands.run(commands.report(settings, *written, as_of=instant, **options))
    if not done:
        raise typer.Exit(1)


def _check(
    interpolation: str,
    form: str,
    layout: str,
    group_by: str | None,
    out: Path | None,
    outages: Path | None,
) -> None:
    """End the command where options are wrong."""
    if interpolation not in ("nearest", "previous"):
        fail("--interpolation: nearest or previous")
    if form not in ("csv", "json", "parquet", "xlsx"):
        fail("--format: csv, json, parquet or xlsx")
    if form in ("parquet", "xlsx") and out is None:
        fail(f"--format {form}: name the file with --out")
    if layout not in ("wide", "long"):
        fail("--layout: wide or long")
    if group_by is not None and layout == "long":
        fail("--group-by: groups have no --layout long")
    for option, file in (("--out", out), ("--outages", outages)):
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            fail(
                f"{option}: {file} cannot be written: it is a folder, or lies in one that is not"
                " there"
            )


def _instant(as_of: str | None) -> datetime | None:
    """Return the instant, or end the command where it is none."""
    if as_of is None:
        return None
    times = server_part("times")
    try:
        instant: datetime = times.parse_instant(as_of)
    except ValueError as error:
        fail(f"--as-of: {error}")
    if times.is_ahead(instant):
        fail("--as-of: more than 5 minutes ahead")
    return instant
