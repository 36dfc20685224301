"""Every command that the documents show, typed as they show it, in a checkout of its own.

The README's commands come first, on the service that its `make run` starts; then the pages below
`docs/` that need that service, and `docs/deployment.md` on a PostgreSQL of its own.
"""

import os
import shutil
import socket
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import Step, blocks, difference, names, steps
from tests.service import wait_for
from tests.shell import Shell

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"console", "python", "text", "sql", "nginx", "csv"}
NOT_COPIED = (".git", ".venv", ".openhours", ".env", ".*_cache", "__pycache__", "*.egg-info")
HEADER = "store_id,uptime_last_hour(in minutes)"
ENTRY_POINT = """\
#!{python}
import sys
from openhours.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def checkout(place: Path) -> Path:
    """A copy of the project, installed as `make run` does it, from the packages of this run."""
    path = place / "openhours"
    shutil.copytree(ROOT, path, ignore=shutil.ignore_patterns(*NOT_COPIED))
    venv.create(path / ".venv", symlinks=True)
    paths = {"base": str(path / ".venv"), "platbase": str(path / ".venv")}
    packages = Path(sysconfig.get_path("purelib", vars=paths))
    (packages / "openhours.pth").write_text(f"{path / 'src'}\n{sysconfig.get_path('purelib')}\n")
    command = path / ".venv/bin/openhours"
    command.write_text(ENTRY_POINT.format(python=path / ".venv/bin/python"))
    command.chmod(0o755)
    (path / ".venv/run").touch()
    (path / ".venv/test").touch()
    return path


@pytest.fixture
def reader(checkout: Path) -> Iterator["Reader"]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OPENHOURS_") and name not in ("DATABASE_URL", "DB_URL")
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment |= {"OPENHOURS_PORT": str(port), "COLUMNS": "120", "HOME": str(checkout.parent)}
    with Shell(checkout, environment) as shell:
        yield Reader(shell, {"localhost:8000": f"localhost:{port}", "127.0.0.1:8000": f"127.0.0.1:{port}"})


class Reader:
    """Types what a document shows and compares what comes with what is shown.

    `called`: what the documents call a thing, and its real name; ids in outputs are added.
    """

    def __init__(self, shell: Shell, called: dict[str, str]) -> None:
        self._shell = shell
        self._called = called

    def follow(self, document: Path) -> None:
        for step in steps(document):
            try:
                self._do(step)
            except AssertionError as error:
                place = f"{document.relative_to(ROOT)}:{step.line}"
                raise AssertionError(f"{place}: {step.command}\n{error}") from None

    def _do(self, step: Step) -> None:
        command = step.command
        for shown, real in self._called.items():
            command = command.replace(shown, real)
        if command == "make run":
            self._run_on(command, step.shown)
        elif any("^C" in line for line in step.shown):
            self._interrupt(command, step.shown)
        else:
            self._run(command, step.shown)

    def _run_on(self, command: str, shown: list[str]) -> None:
        started = self._shell.start(command)
        wait_for(lambda: self._says(started.output(), shown), 60, started.output)

    def _interrupt(self, command: str, shown: list[str]) -> None:
        at = next(index for index, line in enumerate(shown) if "^C" in line)
        started = self._shell.start(command)
        wait_for(lambda: self._says(started.output(), shown[:at]), 60, started.output)
        started.interrupt()
        rest = [shown[at].replace("^C", ""), *shown[at + 1 :]]
        problem = difference([*shown[:at], *rest], started.output().splitlines())
        assert problem is None, problem

    @staticmethod
    def _says(output: str, shown: list[str]) -> bool:
        return difference([*shown, "…"], output.splitlines()) is None

    def _run(self, command: str, shown: list[str]) -> None:
        def attempt() -> tuple[str | None, list[str]]:
            code, said = self._shell.run(command)
            if code != 0:
                return f"exit code {code}: {said}", said
            if shown and shown[0].startswith(HEADER) and "pc:" not in shown[1]:
                # The sample's figures, to the digit.
                return (None if said == shown else f"is really {said}"), said
            return difference(shown, said), said

        problem, said = attempt()
        if problem is not None and any(word in "".join(said) for word in ('"Running"', '"queued"', '"running"')):
            # As the README says: ask again.
            def done() -> bool:
                nonlocal problem, said
                problem, said = attempt()
                return problem is None

            wait_for(done, 30, lambda: str(problem))
        assert problem is None, problem
        self._called |= names(shown, said)


def test_the_readme_and_what_it_leads_to(reader: Reader) -> None:
    reader.follow(ROOT / "README.md")
    reader.follow(ROOT / "docs/spec.md")
    reader.follow(ROOT / "docs/agent.md")
    reader.follow(ROOT / "docs/apis.md")


def test_every_block_of_commands_is_run_or_says_why_not() -> None:
    for document in DOCUMENTS:
        for block in blocks(document):
            place = f"{document.relative_to(ROOT)}:{block.line}"
            assert block.language in LANGUAGES, f"{place}: {block.language or 'no language'}"
            assert block.language == "console" or not block.text.startswith("$ "), place
            assert block.not_run is None or len(block.not_run) > 10, place


def test_links_between_the_documents_lead_somewhere() -> None:
    ...
