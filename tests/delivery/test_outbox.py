"""The outbox folder: each complete report lies there, whole."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.delivery.checks import check
from openhours.errors import SettingsError
from openhours.settings import Settings
from tests.delivery.events import Outbox, fail_a_report, sending
from tests.helpers.database import on_engine
from tests.reports.computing import reporting


def with_outbox(settings: Settings, folder: Path) -> Settings:
    made = settings.model_copy(update={"outbox": folder})
    check(made)
    return made


@pytest.fixture
def report_csv(settings: Settings) -> bytes:
    """The CSV of a complete report."""
    with reporting(settings) as reports:
        reports.store("é", ["2023-01-20 10:00 active", "2023-01-20 11:00 inactive"])
        reports.store("b", ["2023-01-20 10:30 active"])
        report_id = reports.report()
        content: bytes = reports.client.get(f"/get_report/{report_id}").content
    assert content.count(b"\n") == 3
    return content


def test_a_report_lies_there_as_get_report_answers_it_once_it_is_complete(
    settings: Settings, database_url: str, place: Path, report_csv: bytes
) -> None:
    folder = place / "some" / "outbox"

    async def scenario(engine: AsyncEngine) -> None:
        async with sending(engine, with_outbox(settings, folder)):
            await fail_a_report(engine, settings)
            done = await Outbox(engine).wait("outbox", "state = 'delivered'")
        [file] = folder.iterdir()
        assert done["destination"] == str(file)
        assert file.name.startswith("report-20230120T110000Z-")
        assert file.suffix == ".csv"
        assert file.read_bytes() == report_csv

    on_engine(database_url, scenario)


def test_what_a_killed_worker_left_of_a_file_goes_with_the_next_try(
    settings: Settings, database_url: str, place: Path, report_csv: bytes
) -> None:
    folder = place / "outbox"

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, with_outbox(settings, folder)):
            done = await outbox.wait("outbox", "state = 'delivered'")
            file = Path(done["destination"])
            # It was killed before it noted what it had done, and another before it was done.
            left = folder / f".{file.name}.0badc0de.part"
            left.write_bytes(report_csv[:10])
            other = folder / ".report-of-another.csv.0badc0de.part"
            other.touch()
            await outbox.run(
                "UPDATE deliveries SET state = 'waiting', next_at = now() WHERE channel = 'outbox'"
            )
            await outbox.wait("outbox", "state = 'delivered' AND tries = 2")
        assert set(folder.iterdir()) == {file, other}
        assert file.read_bytes() == report_csv

    on_engine(database_url, scenario)


def test_a_folder_that_is_gone_is_an_error_and_tried_again(
    settings: Settings, database_url: str, place: Path, report_csv: bytes
) -> None:
    folder = place / "outbox"
    outboxed = with_outbox(settings, folder)
    folder.rmdir()

    async def scenario(engine: AsyncEngine) -> None:
        outbox = Outbox(engine)
        async with sending(engine, outboxed):
            failed = await outbox.wait("outbox", "last_error IS NOT NULL")
            assert failed["last_error"].startswith("cannot write report-20230120T110000Z-")
            assert failed["last_error"].endswith(".csv: No such file or directory")
            assert (failed["state"], failed["destination"]) == ("waiting", str(folder))
            folder.mkdir()
            await outbox.make_due()
            await outbox.wait("outbox", "state = 'delivered'")
        [file] = folder.iterdir()
        assert file.read_bytes() == report_csv

    on_engine(database_url, scenario)


def test_one_that_cannot_be_written_is_refused_before_anything_starts(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").touch()
    with pytest.raises(SettingsError, match="file/outbox cannot be written: Not a directory"):
        with_outbox(settings, place / "file" / "outbox")
    monkeypatch.setenv("OPENHOURS_OUTBOX", "ftp://example.org/reports")
    with pytest.raises(ValidationError, match="must be a folder"):
        Settings()
