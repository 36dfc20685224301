"""The file of a backup: a ZIP archive without compression of its own.

    manifest.json    what made it, and when
    database.dump    by pg_dump, in its custom format
    secret           signs users' tokens; missing where OPENHOURS_SECRET is set
    uploads/NAME     files that waited to be loaded

A ZIP has checksums, and its table of contents at the end: one that was cut off is none.
"""

import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ValidationError

from openhours.durable import to_disk
from openhours.errors import OpenhoursError

CHUNK = 1 << 20
DUMP = "database.dump"
_MANIFEST = "manifest.json"
_SECRET = "secret"  # noqa: S105  a name
_UPLOADS = "uploads/"


class CannotBackUp(OpenhoursError):
    """The backup cannot be made; nothing is left of it."""


class CannotRestore(OpenhoursError):
    """The backup cannot be restored in this place."""


class Manifest(BaseModel):
    """Description of a backup.

    revision: of the schema
    postgresql: the server's major version
    namespace: PostgreSQL's schema that holds the tables
    uploads: the folder in which the uploads lay
    secret_is_set: whether OPENHOURS_SECRET was, so that the secret is not in the backup
    """

    format: Literal[1] = 1
    openhours: str
    made_at: datetime
    revision: str
    postgresql: int
    namespace: str
    uploads: Path
    secret_is_set: bool


class Writer:
    """A backup that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest."""
        with self._member(_MANIFEST) as member:
            member.write(manifest.model_dump_json(indent=1).encode())

    def write_secret(self, file: Path) -> None:
        """Copy the secret."""
        self._copy(file, _SECRET)

    def write_upload(self, file: Path, name: str) -> None:
        """Copy an upload. Raise FileNotFoundError if it is gone."""
        self._copy(file, _UPLOADS + name)

    @contextmanager
    def dump(self) -> Iterator[IO[bytes]]:
        """Yield the file to which the database's dump is to be written."""
        with self._member(DUMP) as member:
            yield member

    def _copy(self, file: Path, name: str) -> None:
        with file.open("rb") as source, self._member(name) as member:
            shutil.copyfileobj(source, member, CHUNK)

    def _member(self, name: str) -> IO[bytes]:
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        info.external_attr = 0o600 << 16
        return self._archive.open(info, "w", force_zip64=True)


@contextmanager
def written(file: Path) -> Iterator[Writer]:
    """Yield the writer of a new file; it gets its name when it is complete and on disk.

    Raise CannotBackUp if there is such a file, or it cannot be written.
    """
    if file.exists():
        raise CannotBackUp(f"{file} is there already: choose another name")
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w+b") as target:
            with zipfile.ZipFile(target, "w") as archive:
                yield Writer(archive)
            to_disk(target, file.parent)
        # Take the name first: to rename would replace a file that has got it meanwhile.
        file.open("xb").close()
        unfinished.replace(file)
    except OSError as error:
        raise CannotBackUp(f"{file} cannot be written: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


class Reader:
    """A backup that was found to be whole."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest
        self.dump_size = archive.getinfo(DUMP).file_size

    @property
    def has_secret(self) -> bool:
        """Return whether it holds the secret that signs tokens."""
        return _SECRET in self._archive.namelist()

    def extract_secret(self, to: Path) -> None:
        """Write the secret to a new file."""
        self._extract(_SECRET, to)

    def extract_uploads(self, folder: Path) -> None:
        """Write the uploads into a new folder."""
        folder.mkdir(mode=0o700)
        for name in self._archive.namelist():
            if name.startswith(_UPLOADS):
                self._extract(name, folder / name.removeprefix(_UPLOADS))

    def dump(self) -> IO[bytes]:
        """Return the database's dump, open."""
        return self._archive.open(DUMP)

    def _extract(self, name: str, to: Path) -> None:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with self._archive.open(name) as member, os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(member, file, CHUNK)
            to_disk(file, to.parent)


@contextmanager
def verified(file: Path) -> Iterator[Reader]:
    """Yield the reader of a backup whose every byte was checked. Raise CannotRestore."""
    try:
        archive = zipfile.ZipFile(file)
    except OSError as error:
        raise CannotRestore(f"{file} cannot be read: {error.strerror or error}") from None
    except zipfile.BadZipFile:
        raise CannotRestore(
            f"{file} is not a backup of openhours, or was cut off: its end is missing"
        ) from None
    with archive:
        yield Reader(archive, _verify(archive, file))


def _verify(archive: zipfile.ZipFile, file: Path) -> Manifest:
    broken: str | None = "its table of contents"
    # What is wrong inside makes `zipfile` fail in many ways.
    with suppress(zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError):
        broken = archive.testzip()
    if broken is not None:
        raise CannotRestore(f"{file} is broken: {broken} is not as it was written")
    names = set(archive.namelist())
    known = {name for name in names - {_MANIFEST, _SECRET, DUMP} if _is_upload(name)}
    if names - known - {_SECRET} != {_MANIFEST, DUMP} or len(names) != len(archive.namelist()):
        raise CannotRestore(f"{file} is not a backup of openhours")
    try:
        return Manifest.model_validate_json(archive.read(_MANIFEST))
    except ValidationError:
        raise CannotRestore(
            f"{file} is not a backup that this version of openhours can read"
        ) from None


def _is_upload(name: str) -> bool:
    plain = name.removeprefix(_UPLOADS)
    return name != plain != "" and plain not in (".", "..") and plain == Path(plain).name
