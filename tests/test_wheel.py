"""What is built is what works: the wheel, in an environment that has never seen the checkout."""

import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tools.zygote import bare_environment

from tests.helpers.terminal import ROOT, Terminal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", dist, ROOT)
    assert len(list(dist.glob("openhours-*.tar.gz"))) == 1
    return next(dist.glob("openhours-*.whl"))


@pytest.fixture
def bin_folder(place: Path) -> Path:
    """Where the commands of a new environment lie, which holds nothing."""
    venv.create(place / "venv", symlinks=True)
    return place / "venv" / "bin"


def pip(bin_folder: Path, *arguments: str | Path) -> str:
    """Run this environment's pip on another one, and return what it says."""
    of_tests = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    return run(*of_tests, "--python", bin_folder / "python", *arguments)


def link_pinned(bin_folder: Path) -> None:
    """Put what requirements.txt pins into an environment: what `make` has installed from it here.

    To download and unpack it once more takes a minute.
    """
    packages = next((bin_folder.parent / "lib").glob("python*/site-packages"))
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if not line[0].isalnum():
            continue
        needed = Requirement(line.rstrip(" \\"))
        if needed.marker is not None and not needed.marker.evaluate():
            continue
        found = distribution(needed.name)
        assert found.version in needed.specifier, line
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            target = packages / top
            if not target.exists():
                target.symlink_to(str(found.locate_file(top)))


@pytest.fixture
def empty(place: Path) -> Path:
    folder = place / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def service(place: Path, empty: Path, bin_folder: Path) -> Iterator[Terminal]:
    service = Terminal(place, empty, bin_folder / "openhours", "serve")
    yield service
    service.stop()


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=bare_environment(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_base_install_is_an_agent_without_numpy_and_database(
    wheel: Path, bin_folder: Path, empty: Path
) -> None:
    pip(bin_folder, "install", "--quiet", wheel)
    assert "--server" in run(bin_folder / "openhours", "agent", "--help", cwd=empty)
    installed = pip(bin_folder, "list").lower()
    for name in ("numpy", "pandas", "asyncpg", "sqlalchemy", "pgserver", "fastapi"):
        assert name not in installed


def test_the_wheel_serves_migrates_reports_and_shows_its_pages(
    wheel: Path, bin_folder: Path, empty: Path, service: Terminal
) -> None:
    link_pinned(bin_folder)
    # What is pinned is all that the wheel asks for.
    pip(bin_folder, "install", "--quiet", "--no-index", f"{wheel}[server]")
    files = run(bin_folder / "openhours", "sample-data", cwd=empty).split()
    service.start()
    for kind, file in zip(("status", "hours", "timezones", "labels"), files, strict=True):
        assert service.upload(kind, (empty / file).read_bytes())["state"] == "complete"
    report = service.wait_report(service.trigger())
    assert (report.status_code, len(report.text.splitlines())) == (200, 61)
    page = service.client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, "open stores had no downtime" in page.text) == (200, True)
    assert service.client.get("/static/style.css").status_code == 200
    service.press_ctrl_c()
    service.expect_no_process()
