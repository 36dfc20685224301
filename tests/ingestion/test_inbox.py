"""The inbox: which files are queued, and when they are queued again."""

import os
import time
from pathlib import Path

import pytest

from openhours.ingestion.inbox import scan as scan_inbox
from tests.ingestion.loader import Loader

pytestmark = pytest.mark.slow

POLLS = "store_id,timestamp_utc,status\n1,2023-01-01 01:00:00 UTC,active\n"
MINUTE_AGO = time.time_ns() - 60_000_000_000


@pytest.fixture
def inbox(loader: Loader) -> Path:
    assert isinstance(loader.settings.inbox, Path)
    return loader.settings.inbox


def put(path: Path, text: str = POLLS, modified_ns: int = MINUTE_AGO) -> Path:
    path.write_text(text)
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


def scan(loader: Loader) -> int:
    return loader.with_engine(lambda engine: scan_inbox(engine, loader.settings))


def names(loader: Loader) -> list[str]:
    return [row["name"] for row in loader.fetch("SELECT name FROM ingestions ORDER BY id")]


def test_new_files_are_queued_by_name_with_a_job_each(loader: Loader, inbox: Path) -> None:
    for name in ("b.csv", "a.CSV.gz", "c.zip", "notes.txt", ".csv.part"):
        put(inbox / name)
    (inbox / "folder.csv").mkdir()
    assert scan(loader) == 3
    assert names(loader) == ["a.CSV.gz", "b.csv", "c.zip"]
    assert len(loader.fetch("SELECT FROM pgqueuer WHERE entrypoint LIKE 'ingest@%'")) == 3


def test_a_file_is_queued_again_only_when_it_has_changed(loader: Loader, inbox: Path) -> None:
    path = put(inbox / "polls.csv")
    assert scan(loader) == 1
    assert scan(loader) == 0, "it waits"
    [row] = loader.fetch("SELECT id FROM ingestions")
    loader.run(row["id"])
    assert scan(loader) == 0, "it was read as it is"
    put(path, POLLS, MINUTE_AGO + 1)
    assert scan(loader) == 1
    put(path, POLLS + "\n", MINUTE_AGO + 2)
    assert scan(loader) == 0, "what waits will be read as it is then"


def test_a_refused_file_is_not_tried_again_until_it_changes(loader: Loader, inbox: Path) -> None:
    path = put(inbox / "polls.csv", "no,such\n")
    scan(loader)
    [row] = loader.fetch("SELECT id FROM ingestions")
    assert loader.run(row["id"])["state"] == "failed"
    assert scan(loader) == 0
    put(path)
    assert scan(loader) == 1


def test_a_file_that_may_still_be_written_waits(loader: Loader, inbox: Path) -> None:
    put(inbox / "polls.csv", modified_ns=time.time_ns())
    assert scan(loader) == 0
    put(inbox / "polls.csv")
    assert scan(loader) == 1


def test_a_name_that_is_not_utf_8_is_refused_once(loader: Loader, inbox: Path) -> None:
    put(Path(os.fsdecode(os.fsencode(inbox) + b"/Gr\xf6\xdfe.csv")))
    assert (scan(loader), scan(loader)) == (0, 0)
    [row] = loader.fetch("SELECT * FROM ingestions")
    assert (row["name"], row["state"]) == ("Gr\\xf6\\xdfe.csv", "failed")
    assert row["error"] == "the file's name is not UTF-8: rename it"
    assert row["finished_at"] is not None
    assert loader.fetch("SELECT FROM pgqueuer WHERE entrypoint LIKE 'ingest@%'") == []


def test_links_pipes_and_devices_are_refused_once_and_never_read(
    loader: Loader, inbox: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = put(loader.place / "secret")
    (inbox / "link.csv").symlink_to(secret)
    (inbox / "nowhere.csv").symlink_to(loader.place / "gone")
    os.mkfifo(inbox / "pipe.csv")
    for name in ("link.csv", "nowhere.csv", "pipe.csv"):
        os.utime(inbox / name, ns=(MINUTE_AGO, MINUTE_AGO), follow_symlinks=False)
    assert (scan(loader), scan(loader)) == (0, 0)
    refused = [tuple(row) for row in loader.fetch("SELECT name, state, error FROM ingestions")]
    why = "not a regular file: links, pipes and devices are not read"
    assert refused == [(name, "failed", why) for name in ("link.csv", "nowhere.csv", "pipe.csv")]
    assert caplog.messages == [f"inbox: {name} is refused: {why}" for name, *_ in refused]


def test_a_file_that_becomes_a_link_while_it_waits_is_not_followed(
    loader: Loader, inbox: Path
) -> None:
    path = put(inbox / "polls.csv")
    scan(loader)
    path.rename(loader.place / "secret")
    path.symlink_to(loader.place / "secret")
    [row] = loader.fetch("SELECT id FROM ingestions")
    assert loader.run(row["id"])["error"].startswith("not a regular file")
    assert loader.stored() == set()


def test_control_characters_of_a_name_are_escaped_in_the_log_and_in_lists(
    loader: Loader, inbox: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    put(inbox / "a\n\x1b[31mb\u202ec é.csv")
    assert scan(loader) == 1
    shown = r"a\n\x1b[31mb\u202ec é.csv"
    assert names(loader) == [shown]
    assert caplog.messages == [f"inbox: {shown} is new or has changed"]
    [row] = loader.fetch("SELECT id FROM ingestions")
    assert loader.run(row["id"])["state"] == "complete"


def test_without_a_folder_nothing_is_queued(loader: Loader, inbox: Path) -> None:
    inbox.rmdir()
    assert scan(loader) == 0
