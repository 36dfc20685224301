"""Helpers of all commands: server parts only when needed, settings, and clear ends."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, NoReturn, cast

import typer
from rich.console import Console

from openhours.errors import readable_message

if TYPE_CHECKING:
    from openhours.settings import Settings

console = Console(stderr=True)


def server_part(name: str) -> Any:
    """Return a module that needs the `server` extra; end with a message without it."""
    import_without_threads()
    try:
        return importlib.import_module(f"openhours.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("openhours"):
            raise
        fail(f"this command needs the server: pip install 'openhours[server]' ({error})")


def import_without_threads() -> None:
    """Let what is imported from now on start no thread: processes are forked from this one.

    A child is one of as many as there are cores: threads of its own would only wait for them.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Of a memory pool that comes with pyarrow, and is not the one it uses.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with a message on standard error."""
    say(message)
    raise typer.Exit(code)


def say(message: str) -> None:
    """Print a message on standard error, under our name."""
    console.print("[bold red]openhours:[/]", end=" ")
    console.print(message, highlight=False, markup=False, soft_wrap=True)


def read_settings() -> Settings:
    """Return the settings; end with a message that names the wrong ones."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return cast("Settings", server_part("settings").get_settings())
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(
                [*(_variable(part) for part in problem["loc"]), readable_message(problem["msg"])]
            )
            for problem in error.errors(include_input=False)
        )
        fail(f"a setting is wrong: {problems}")


def _variable(field: int | str) -> str:
    name = str(field).upper()
    return name if name in ("DATABASE_URL", "DB_URL") else f"OPENHOURS_{name}"


def set_up_logging(level: str) -> None:
    """Log to standard error from this level on."""
    import logging  # noqa: PLC0415

    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
