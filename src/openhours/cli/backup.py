"""The commands `backup` and `restore`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from openhours.cli.output import console, fail, read_settings, server_part, set_up_logging
from openhours.cli.results import progress_bar


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; there must be none yet.")],
) -> None:
    """Write all that openhours holds into one file, also while the service runs.

    It holds the database, the secret that signs tokens, and uploads that wait;
    not your settings (.env), nor the files of the inbox.

    Who has the file can sign in as anyone: keep it safe.
    """
    settings = read_settings()
    set_up_logging("WARNING")
    if file.is_dir() or not file.absolute().parent.is_dir():
        fail(f"{file} cannot be written: it is a folder, or lies in one that is not there")
    with _progress() as bar:
        task = bar.add_task("backup", total=None)
        making = server_part("backup.make").make(
            settings, file, lambda count: bar.advance(task, count)
        )
        made = asyncio.run(making)
    _print(f"backup: {made.size:,} bytes, {_uploads(made.uploads)} -> {file}")
    if made.elsewhere:
        _print(f"not in it: {_uploads(made.elsewhere)} whose files cannot be had from here")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `openhours backup` has written.")],
) -> None:
    """Restore a backup into an empty database and data folder; then start the service.

    Any other place is refused, and so is a file that is broken, or of a newer
    version: then nothing is changed.
    """
    settings = read_settings()
    set_up_logging("WARNING")
    with _progress() as bar:
        task = bar.add_task("restore", total=None)
        restoring = server_part("backup.restore").restore(
            settings, file, lambda count, total: bar.update(task, advance=count, total=total)
        )
        restored = asyncio.run(restoring)
    manifest, ingestions = restored.manifest, restored.ingestions
    _print(
        f"restored: openhours {manifest.openhours} of {manifest.made_at:%Y-%m-%d %H:%MZ}, "
        f"{_uploads(ingestions.waiting)}"
    )
    if ingestions.lost:
        _print(f"not in the backup: {ingestions.lost:,} files that waited; see /ingestions")
    if manifest.secret_is_set and settings.secret is None:
        _print("not in the backup: OPENHOURS_SECRET; set it, or users must sign in again")


def _progress() -> Progress:
    return progress_bar(TextColumn("{task.description}"), BarColumn(), DownloadColumn())


def _print(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


def _uploads(count: int) -> str:
    return f"{count:,} waiting upload{'' if count == 1 else 's'}"
