"""What `ingest` and `report` leave behind, here or on a server: the lines that tell it, and files.

It needs nothing of the server.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rich.markup import escape
from rich.progress import Progress, ProgressColumn
from rich.table import Table

from openhours.cli.output import console
from openhours.ingestion.names import printable

_MAX_NAMED = 3  # stores that advice names
_COUNTS = ("rows", "loaded", "unchanged", "rejected")


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Return a bar that goes when it is done, on terminals only; rich's columns by default."""
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def find_missing(files: Sequence[Path]) -> bool:
    """Return whether files are missing, and name them."""
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        console.print(f"[bold red]no such file:[/] {escape(', '.join(missing))}")
    return bool(missing)


def print_ingestions(ingestions: Sequence[Mapping[str, Any]]) -> bool:
    """Print what became of files; return whether none was refused.

    Each is an ingestion as the API describes it, with its advice as `advice`.
    """
    table = Table("file", "kind", *_COUNTS, "seconds", box=None)
    for one in ingestions:
        if one["state"] != "complete":
            why = escape(printable(f"{one['name']}: {one['error']}"))
            console.print(f"[bold red]refused[/] {why}", soft_wrap=True)
            continue
        counts = (f"{one[name] or 0:,}" for name in _COUNTS)
        table.add_row(
            escape(printable(one["name"])), one["kind"], *counts, f"{one['duration_seconds']:.1f}"
        )
    if table.row_count:
        console.print(table)
    for one in ingestions:
        for advice in one["advice"] or ():
            named = ", ".join(example["store_id"] for example in advice["examples"][:_MAX_NAMED])
            more = ", …" if advice["count"] > _MAX_NAMED else ""
            said = escape(printable(f"{one['name']}: {advice['message']} ({named}{more})"))
            console.print(f"[bold yellow]advice[/] {said}", soft_wrap=True)
    return all(one["state"] == "complete" for one in ingestions)


def print_refused(reason: str) -> None:
    """Say why a report cannot be made."""
    console.print(f"[bold red]{escape(reason)}[/]")


def print_failed(error: str) -> None:
    """Say why a report failed."""
    console.print(f"[bold red]the report failed:[/] {escape(printable(error))}")


def print_report(report_id: str, rows: int, what: str, out: Path | None) -> None:
    """Say how many rows or groups of a report were written, and where."""
    console.print(f"report {report_id}: {rows:,} {what} -> {escape(str(out or 'standard output'))}")


def print_outages(count: int, out: Path) -> None:
    """Say how many outages were written, and where."""
    console.print(f"{count:,} outages -> {escape(str(out))}")


@contextmanager
def whole_file(out: Path | None) -> Iterator[IO[bytes]]:
    """Yield a file that becomes `out`, or goes to standard output, once it is whole.

    Until then an old file stays, and if it fails, for good.
    """
    if out is None:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(out)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
