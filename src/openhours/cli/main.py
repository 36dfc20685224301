"""The command line. Server parts are imported only by the commands that need them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from openhours import __version__
from openhours.cli import backup, corrections, hours, ingest, keys, report, users
from openhours.cli.output import fail, read_settings, say, server_part, set_up_logging
from openhours.errors import OpenhoursError
from openhours.garbage import collect_seldom

app = typer.Typer(
    name="openhours",
    help="How long each store or PC was really on during the hours it should have been.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def main_options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Tell how long each store or PC was really on during the hours it should have been."""
    if version:
        typer.echo(f"openhours {__version__}")
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind [OPENHOURS_HOST].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to bind [OPENHOURS_PORT].")
    ] = None,
) -> None:
    """Run the HTTP service, with a worker beside it."""
    settings = read_settings()
    set_up_logging(settings.log_level)
    if host is not None:
        settings.host = host
    if port is not None:
        settings.port = port
    server_part("cli.serve").serve(settings)


@app.command()
def worker(
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run a worker alone: any number of them may share one PostgreSQL."""
    settings = read_settings()
    set_up_logging(settings.log_level)
    server_part("worker.run").run_worker(settings, 0 if until_stdin_closes else None)


app.command()(ingest.ingest)
app.command()(report.report)


@app.command()
def agent(
    server: Annotated[str, typer.Option(help="Where openhours is, e.g. http://192.168.1.5:8000.")],
    name: Annotated[str, typer.Option(help="This PC's name; its store is then pc:<name>.")],
    every: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=86_400,
            help="Seconds from beat to beat. A PC counts as off 150 s (a setting of the server) "
            "after its last beat.",
        ),
    ] = 60,
    queue: Annotated[
        Path | None,
        typer.Option(help="The file where beats wait; without it one in your state folder."),
    ] = None,
    print_service: Annotated[
        bool, typer.Option("--print-service", help="Print a systemd unit that runs this agent.")
    ] = False,
) -> None:
    """Send this PC's heartbeats, for ever; they wait on disk while the server is away.

    An API key is taken from the environment or from .env: OPENHOURS_KEY.
    """
    # Without the server's parts: this is all that a PC installs.
    from openhours.agent import command  # noqa: PLC0415

    try:
        command.run(server, name, every, queue, print_service)
    except command.WrongOption as error:
        fail(str(error))
    except command.CannotRun as error:
        fail(str(error), 1)


@app.command("sample-data")
def sample_data(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")] = Path("data/sample"),
    stores: Annotated[int, typer.Option(min=10, help="About how many stores.")] = 60,
    load: Annotated[
        bool,
        typer.Option(
            "--load",
            help="Write no files: load the sample of 60 stores into the default database, "
            "if that is new and no setting names a database or folder of your own.",
        ),
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Write no files: remove what --load has loaded.")
    ] = False,
) -> None:
    """Write a small, deterministic sample: two weeks of polls that end on 2022-11-08."""
    if load or remove:
        settings = read_settings()
        set_up_logging("WARNING")
        part = server_part("cli.sample_loading")
        if load:
            server_part("cli.commands").run(part.load(settings))
        else:
            typer.echo(f"removed: {asyncio.run(part.remove(settings))}")
        return
    try:
        for path in server_part("ingestion.sample_data").write(folder, stores):
            typer.echo(path)
    except OSError as error:
        fail(str(error), 1)


@app.command()
def db() -> None:
    """Bring the database's schema to the newest version (`serve` does so, too)."""
    settings = read_settings()
    set_up_logging("INFO")
    asyncio.run(server_part("cli.commands").migrate_only(settings))


app.command()(backup.backup)
app.command()(backup.restore)


app.add_typer(hours.app, name="hours")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(corrections.app, name="corrections")


def main() -> None:
    """Run the `openhours` command."""
    collect_seldom()
    for argument in sys.argv:
        if argument.encode(errors="replace").decode() != argument:
            say(f"an argument is not UTF-8: {argument!a}")
            sys.exit(2)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except OpenhoursError as error:
        say(str(error))
        sys.exit(2)
