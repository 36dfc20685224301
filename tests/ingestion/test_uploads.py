"""Uploads: whole on the disk or not there at all."""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from openhours.errors import Malformed, OpenhoursError, TooLarge
from openhours.ingestion.uploads import Upload, folder_of, receive, remove_broken_uploads
from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.database import fetch
from tests.ingestion.loader import Loader

LIMIT = 1000
FORM = "multipart/form-data; boundary=x"


def part(name: str, content: bytes, filename: str | None = "polls.csv") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def send(folder: Path, *chunks: bytes, **headers: str) -> Upload:
    """Receive a body that arrives in these chunks."""
    left = list(chunks)

    async def arrive() -> dict[str, Any]:
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    names = {name.replace("_", "-").encode(): text.encode() for name, text in headers.items()}
    request = Request({"type": "http", "headers": list(names.items())}, arrive)
    return asyncio.run(receive(request, folder, LIMIT))


def test_a_body_becomes_a_private_file(tmp_path: Path) -> None:
    upload = send(tmp_path / "uploads", b"a,b\n", b"1,2\n")
    assert (upload.path.read_bytes(), upload.name) == (b"a,b\n1,2\n", None)
    assert upload.path.stat().st_mode & 0o777 == 0o600
    assert upload.path.parent.stat().st_mode & 0o777 == 0o700


def test_every_byte_is_synced_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    send(tmp_path, b"a,b\n", b"1,2\n")
    assert synced[0] == 8


def test_a_form_gives_its_file_and_the_name(tmp_path: Path) -> None:
    body = part("note", b"hello", None) + part("file", b"a,b\n") + b"--x--\r\n"
    upload = send(tmp_path, body[:50], body[50:], content_type=FORM)
    assert (upload.path.read_bytes(), upload.name) == (b"a,b\n", "polls.csv")


REFUSED: list[tuple[Callable[[Path], Upload], type[OpenhoursError], str]] = [
    (lambda folder: send(folder, b""), Malformed, "the body is empty: send a CSV file"),
    (lambda folder: send(folder, b"x" * 600, b"x" * 600), TooLarge, "larger than 1,000 bytes"),
    (lambda folder: send(folder, b"x", content_length="1001"), TooLarge, "OPENHOURS_MAX_UPLOAD_MB"),
    (
        lambda folder: send(folder, part("file", b"x" * 1001) + b"--x--\r\n", content_type=FORM),
        TooLarge,
        "larger than 1,000 bytes",
    ),
    (
        lambda folder: send(folder, b"--x--\r\n", content_type=FORM),
        Malformed,
        "the form must hold one file, this one holds 0",
    ),
    (
        lambda folder: send(
            folder, part("a", b"1") + part("b", b"2") + b"--x--\r\n", content_type=FORM
        ),
        Malformed,
        "this one holds 2",
    ),
    (
        lambda folder: send(folder, b"no form", content_type=FORM),
        Malformed,
        "the multipart form cannot be read",
    ),
    (
        lambda folder: send(folder, part("file", b"") + b"--x--\r\n", content_type=FORM),
        Malformed,
        "the body is empty",
    ),
]


@pytest.mark.parametrize(("upload", "error", "message"), REFUSED)
def test_of_a_refused_body_nothing_is_left(
    tmp_path: Path, upload: Callable[[Path], Upload], error: type[OpenhoursError], message: str
) -> None:
    with pytest.raises(error, match=message):
        upload(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_old_uploads_that_no_ingestion_awaits_are_removed(loader: Loader) -> None:
    folder = folder_of(loader.settings)
    folder.mkdir()
    two_hours_ago = time.time() - 7200
    for name in ("queued", "failed", "broken", "arriving"):
        (folder / name).write_text("x")
        if name != "arriving":
            os.utime(folder / name, (two_hours_ago, two_hours_ago))
    loader.add(folder / "queued", uploaded=True)
    failed = loader.add(folder / "failed", uploaded=True)
    loader.fetch(f"UPDATE ingestions SET state = 'failed' WHERE id = {failed.pk}")
    loader.with_engine(lambda engine: remove_broken_uploads(engine, loader.settings))
    assert sorted(path.name for path in folder.iterdir()) == ["arriving", "queued"]


BREAK_CONNECTION = """
CREATE FUNCTION break_connection() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$
"""
AT_INSERT = "CREATE TRIGGER broken AFTER INSERT ON ingestions"
AT_COMMIT = """CREATE CONSTRAINT TRIGGER broken AFTER INSERT ON ingestions
DEFERRABLE INITIALLY DEFERRED"""


@pytest.mark.parametrize(
    ("moment", "kept"), [(AT_INSERT, 0), (AT_COMMIT, 1)], ids=["at insert", "at commit"]
)
def test_an_upload_is_kept_where_nobody_knows_whether_it_is_awaited(
    settings: Settings, database_url: str, moment: str, kept: int
) -> None:
    with running(settings) as client:
        fetch(database_url, BREAK_CONNECTION)
        fetch(database_url, f"{moment} FOR EACH ROW EXECUTE FUNCTION break_connection()")
        assert client.post("/ingest/status", content=b"store_id\n").status_code == 503
    assert len(list(folder_of(settings).iterdir())) == kept


def test_an_error_of_the_disk_while_more_is_received_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells it once: at the end all would seem to be on disk."""
    monkeypatch.setattr("openhours.ingestion.uploads._SYNCED_AT_ONCE", 1)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "fdatasync", fail)

    with pytest.raises(OSError, match="the disk is broken"):
        send(tmp_path, bytes(LIMIT // 2))
    assert list(tmp_path.iterdir()) == []
