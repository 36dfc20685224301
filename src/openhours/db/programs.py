"""PostgreSQL's own programs, `pg_dump` and `pg_restore`, on the database that is used."""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url

from openhours.db.engine import plain_url
from openhours.errors import OpenhoursError, SettingsError
from openhours.settings import Settings

_BUFFER = 1 << 20
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class ProgramFailed(OpenhoursError):
    """A program ended with an error; the message is what it said."""


async def find(name: str, major: int, settings: Settings) -> Path:
    """Return the program of the server's major version. Raise SettingsError without one.

    An older one cannot read that server, and what a newer one writes, that server cannot restore.
    """
    other = None
    for program in _candidates(name, major, settings):
        version = await _major_version(program)
        if version == major:
            return program
        other = other or version
    found = f"the one in PATH is of {other}" if other else "there is none in PATH"
    raise SettingsError(
        f"{name} of PostgreSQL {major} is needed, and {found}: install it "
        f"(Debian: apt install postgresql-client-{major}; then "
        f"PATH=/usr/lib/postgresql/{major}/bin:$PATH)"
    )


def _candidates(name: str, major: int, settings: Settings) -> Iterator[Path]:
    in_path = shutil.which(name)
    if settings.database_url is not None and in_path is not None:
        yield Path(in_path)
    # The wheel's come last for a server of the user's own: they cannot speak TLS.
    from openhours.db import embedded  # noqa: PLC0415

    folder = embedded.programs(major)
    if folder is not None:
        yield folder / name


async def _major_version(program: Path) -> int | None:
    process = await asyncio.create_subprocess_exec(
        program, "--version", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    version = _VERSION.search(said.decode(errors="replace"))
    return int(version[1]) if version else None


@asynccontextmanager
async def running(program: Path, url: str, *arguments: str) -> AsyncIterator[Process]:
    """Yield the program while it works on the database, its input and output as pipes.

    Raise ProgramFailed unless it ends well. It is killed when the caller fails.
    """
    address = make_url(plain_url(url))
    environment = dict(os.environ)
    if address.password:
        environment["PGPASSWORD"] = str(address.password)  # everybody sees arguments
    dbname = address.set(password=None).render_as_string(hide_password=False)
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            program,
            "--no-password",
            f"--dbname={dbname}",
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            limit=_BUFFER,
        )
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # its exit code tells more
                yield process
                _close_input(process)
            code = await process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if code != 0:
            raise ProgramFailed(_first_error(errors) or f"{program.name} ended with code {code}")


def _close_input(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()


def _first_error(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read(_BUFFER).decode(errors="replace").splitlines()
    return next((line for line in lines if "error:" in line), "\n".join(lines[-1:]))
