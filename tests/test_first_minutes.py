"""`pip install -r requirements.txt`, then `fastapi dev src/main.py`: openhours is not installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from openhours.ingestion import sample_data
from tests.helpers.terminal import Terminal, make_checkout

pytestmark = pytest.mark.slow


@pytest.fixture
def checkout(place: Path) -> Path:
    folder = place / "checkout"
    folder.mkdir()
    make_checkout(folder)
    return folder


@pytest.fixture
def elsewhere(place: Path) -> Path:
    folder = place / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def python(checkout: Path) -> Path:
    return checkout / ".venv" / "bin" / "python"


@pytest.fixture
def terminals(place: Path) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.stop()


def test_from_the_checkout_s_root(
    checkout: Path, python: Path, place: Path, terminals: list[Terminal]
) -> None:
    terminal = Terminal(place, checkout, python, "-m", "fastapi", "dev", "src/main.py")
    terminals.append(terminal)
    completes_a_report_and_ends(terminal, place)


def test_from_the_checkout_s_root_with_a_database_in_env(
    checkout: Path, python: Path, place: Path, terminals: list[Terminal], database_url: str
) -> None:
    (checkout / ".env").write_text(f"DB_URL={database_url}\n")
    terminal = Terminal(place, checkout, python, "-m", "fastapi", "dev", "src/main.py")
    terminals.append(terminal)
    completes_a_report_and_ends(terminal, place)
    assert not (checkout / ".openhours" / "postgresql").exists()


def test_by_uvicorn_from_another_folder(
    checkout: Path, elsewhere: Path, python: Path, place: Path, terminals: list[Terminal]
) -> None:
    source = checkout / "src"
    terminal = Terminal(place, elsewhere, python, "-m", "uvicorn", "main:app", "--app-dir", source)
    terminals.append(terminal)
    completes_a_report_and_ends(terminal, place)


def completes_a_report_and_ends(terminal: Terminal, place: Path) -> None:
    terminal.start()
    files = sample_data.write(place / "sample", 60)
    for kind, file in zip(("status", "hours", "timezones", "labels"), files, strict=True):
        assert terminal.upload(kind, file.read_bytes())["state"] == "complete"
    report = terminal.wait_report(terminal.trigger())
    assert (report.status_code, len(report.text.splitlines())) == (200, 61)
    terminal.press_ctrl_c()
    terminal.expect_no_process()
