"""Every command that the documents show, typed as they show it, in a checkout of its own.

First the README's, on the service that its `make run` starts, then those of the pages that go on
from there; and `docs/deployment.md` on a PostgreSQL of its own.
"""

import json
import re
import secrets
import shutil
import socket
import socketserver
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tools.service import Service
from tools.zygote import Zygote, bare_environment

from tests.helpers.debian_postgresql import BINARIES, MISSING, Cluster
from tests.helpers.documents import Step, blocks, difference, names, steps
from tests.helpers.shell import Shell, Started
from tests.helpers.terminal import make_environment
from tests.helpers.waiting import wait_for

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "deploy/README.md",
]
LANGUAGES = {"console", "python", "javascript", "sql", "text", "nginx", "ini"}
NOT_COPIED = (".git", ".venv*", ".openhours", ".env", ".*_cache", "__pycache__", "*.egg-info")
HEADER = "store_id,uptime_last_hour(in minutes)"
RUN_ON = re.compile(r"make run|(.* )?openhours (serve|worker)")
# What runs on is started as it is; the run's zygote forks the rest, in a tenth of the time.
ENTRY_POINT = """\
#!{python} -S
import json, os, socket, sys
if {{*sys.argv}} & {{"serve", "worker", "agent"}}:
    os.execv("{python}", ["{python}", "-m", "openhours.cli", *sys.argv[1:]])
streams = [f"/proc/{{os.getpid()}}/fd/{{number}}" for number in range(3)]
asked = {{"args": sys.argv[1:], "environment": {{**os.environ}}, "folder": os.getcwd()}}
with socket.socket(socket.AF_UNIX) as forker:
    forker.connect("{forker}")
    forker.sendall(json.dumps(asked | {{"streams": streams}}).encode() + b"\\n")
    sys.exit(int(forker.makefile().readline()))
"""


class Forker(socketserver.StreamRequestHandler):
    """Answers an entry point with the exit code of its command."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        stdin, stdout, stderr = map(Path, asked.pop("streams"))
        zygote = Service.zygote or Zygote()
        command = zygote.start(
            asked["args"],
            asked["environment"],
            Path(asked["folder"]),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        self.wfile.write(b"%d\n" % command.wait(60))


@pytest.fixture
def forker(folder: Path) -> Iterator[Path]:
    """The socket that entry points ask."""
    address = folder / f"forker-{secrets.token_hex(4)}"
    with socketserver.ThreadingUnixStreamServer(str(address), Forker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield address
        server.shutdown()


@pytest.fixture
def checkout(place: Path, forker: Path) -> Path:
    """A copy of the project, set up as `make run` does it, with the packages of this run."""
    path = place / "openhours"
    shutil.copytree(ROOT, path, ignore=shutil.ignore_patterns(*NOT_COPIED))
    python = make_environment(path / ".venv")
    base = {"base": str(path / ".venv"), "platbase": str(path / ".venv")}
    packages = Path(sysconfig.get_path("purelib", "venv", base))
    (packages / "openhours.pth").write_text(f"{path / 'src'}\n")
    command = python.with_name("openhours")
    command.write_text(ENTRY_POINT.format(python=python, forker=forker))
    command.chmod(0o755)
    for done in ("run", "test"):  # make has nothing to install
        (path / ".venv" / done).touch()
    return path


@pytest.fixture
def reader(checkout: Path) -> Iterator["Reader"]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = bare_environment()
    for name in ("VENV", "MAKEFLAGS", "MAKEOVERRIDES"):  # of the `make test` that runs this
        environment.pop(name, None)
    environment |= {
        "OPENHOURS_PORT": port,
        "COLUMNS": "120",
        "HOME": str(checkout.parent),
    }
    with Shell(checkout, environment) as shell:
        yield Reader(
            shell, {f"{host}:8000": f"{host}:{port}" for host in ("localhost", "127.0.0.1")}
        )


class Reader:
    """Types what documents show, and compares what comes with what is shown.

    `called` is what the documents call a thing, and its real name: an address, and from then on
    each id, token and key that comes. `sql` runs a statement as the database's superuser.
    """

    def __init__(self, shell: Shell, called: dict[str, str]) -> None:
        self._shell = shell
        self.called = called
        self.sql: Callable[[str], None] | None = None

    def follow(self, document: str) -> None:
        """Do all that the document shows. Raises AssertionError where it is wrong."""
        for step in steps(ROOT / document):
            try:
                self._do(step)
            except AssertionError as error:
                raise AssertionError(f"{document}:{step.line}: {step.command}\n{error}") from None

    def _do(self, step: Step) -> None:
        command, shown = self._real(step.command), [self._real(line) for line in step.shown]
        if step.language == "sql":
            assert self.sql is not None
            for statement in command.split(";\n"):
                self.sql(statement)
        elif step.language == "python":
            self._run(f".venv/bin/python - <<'END'\n{command}\nEND", [])
        elif step.language == "javascript":
            if shutil.which("node"):
                self._run(f"node --input-type=module - <<'END'\n{command}\nEND", [])
        elif RUN_ON.fullmatch(command):
            self._begin(command, shown)
        elif any(line.startswith("^C") for line in shown):
            self._interrupt(command, shown)
        else:
            self._run(command, shown)

    def _real(self, text: str) -> str:
        for shown, real in self.called.items():
            text = text.replace(shown, real)
        return text

    def _begin(self, command: str, shown: list[str]) -> Started:
        started = self._shell.start(command)
        wait_for(
            lambda: _says(started.output(), shown) or not started.is_alive(), 60, started.output
        )
        assert _says(started.output(), shown), started.output()
        return started

    def _interrupt(self, command: str, shown: list[str]) -> None:
        at = next(index for index, line in enumerate(shown) if line.startswith("^C"))
        started = self._begin(command, shown[:at])
        started.interrupt()
        expected = [line.removeprefix("^C") for line in shown]
        problem = difference(expected, started.output().splitlines())
        assert problem is None, problem

    def _run(self, command: str, shown: list[str]) -> None:
        problem, said = self._attempt(command, shown)
        if problem is not None and _only_reads(command):
            # What was asked for before may still run; a reader asks again, as the README says.
            def done() -> bool:
                nonlocal problem, said
                problem, said = self._attempt(command, shown)
                return problem is None

            wait_for(done, 15, lambda: f"{problem}\n{said}")
        assert problem is None, f"{problem}\n{said}"
        self.called |= names(shown, said)

    def _attempt(self, command: str, shown: list[str]) -> tuple[str | None, list[str]]:
        code, said = self._shell.run(command)
        if code != 0:
            return f"exit code {code}", said
        if shown and shown[0].startswith(HEADER) and not shown[1].startswith("pc:"):
            # The sample's figures are the same everywhere, to the digit.
            return (None if said == shown else "other figures"), said
        return difference(shown, said), said


def _says(output: str, shown: list[str]) -> bool:
    return difference([*shown, "…"], output.splitlines()) is None


def _only_reads(command: str) -> bool:
    return command.startswith("curl ") and not re.search(" (-X|-d|--data)", command)


@pytest.mark.slow
def test_the_readme_and_the_pages_it_leads_to_do_as_they_say(reader: Reader) -> None:
    reader.follow("README.md")
    reader.follow("CONTRIBUTING.md")
    reader.follow("docs/agent.md")
    reader.follow("docs/clients.md")
    reader.follow("docs/apis.md")


@pytest.mark.slow
def test_the_page_on_delivery_does_as_it_says(reader: Reader) -> None:
    reader.follow("docs/delivery.md")


@pytest.mark.slow
@pytest.mark.skipif(not BINARIES.is_dir(), reason=MISSING)
def test_the_page_on_deployment_does_as_it_says(reader: Reader, place: Path) -> None:
    with Cluster(place / "postgresql") as cluster:
        reader.called["127.0.0.1:5432"] = f"127.0.0.1:{cluster.port}"
        reader.sql = cluster.execute
        reader.follow("docs/deployment.md")


def test_no_command_is_shown_that_no_test_runs() -> None:
    names = ("README", "CONTRIBUTING", "docs/agent", "docs/apis", "docs/clients", "docs/delivery")
    run = {ROOT / f"{name}.md" for name in (*names, "docs/deployment")}
    for document in DOCUMENTS:
        for block in blocks(document):
            place = f"{document.relative_to(ROOT)}:{block.line}"
            assert block.language in LANGUAGES, f"{place}: {block.language or 'no language'}"
            typed = block.text.startswith("$ ")
            assert typed == (block.language == "console"), place
            assert not typed or block.not_run or document in run, place


def test_links_between_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            target = urlsplit(link)
            if target.scheme:
                continue
            path = document.parent / target.path if target.path else document
            assert path.exists(), f"{document.name}: {link}"
            if target.fragment:
                headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
                anchors = {
                    re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings
                }
                assert target.fragment in anchors, f"{document.name}: {link}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) < 700


@pytest.mark.slow
def test_systemd_takes_the_units(place: Path, checkout: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    units = []
    for unit in (ROOT / "deploy/systemd").iterdir():
        units.append(place / unit.name.replace("@", "@1"))
        text = unit.read_text().replace("/opt/openhours/bin", str(checkout / ".venv/bin"))
        units[-1].write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
