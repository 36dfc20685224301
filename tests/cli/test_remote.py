"""`ingest` and `report` on a server elsewhere do and say what they do and say here."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet
import pytest
from tools.service import Service

from openhours import remote
from openhours.cli import remote_commands, server
from openhours.cli.server import Server
from openhours.settings import Settings
from tests.helpers.clients import make_keys
from tests.helpers.command import openhours

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
FILES = [str(file) for file in sorted(SAMPLE.iterdir())]
ZONES = b"store_id,timezone_str\n18,UTC\n19,Mars\n"
# Modules of the server, which a PC does not have.
SERVER_PARTS = ("pydantic", "fastapi", "sqlalchemy", "asyncpg", "numpy", "pandas")

Step = Callable[[BaseHTTPRequestHandler], bool]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_MAX_PAUSE", 0.02)
    monkeypatch.setattr(server, "_POLL_INTERVAL", 0.02)


def test_a_key_in_the_environment_or_in_dotenv_opens_the_server_and_is_never_shown(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingesting, reporting = make_keys(settings, [["ingest"], ["report"]])
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    with Service(place) as service:
        to = ("--server", service.url)
        closed = openhours("report", *to, cwd=elsewhere)
        assert closed.returncode == 1
        assert closed.stderr.startswith("openhours: HTTP 401: ")
        assert closed.stderr.endswith("; is OPENHOURS_KEY right?\n")
        monkeypatch.setenv("OPENHOURS_KEY", reporting)
        refused = openhours("ingest", *to, *FILES, cwd=elsewhere)
        assert (refused.returncode, "HTTP 403: " in refused.stderr) == (1, True)
        loaded = openhours("ingest", *to, "--key", ingesting, *FILES, cwd=elsewhere)
        assert loaded.returncode == 0, loaded.stderr
        monkeypatch.delenv("OPENHOURS_KEY")
        (elsewhere / ".env").write_text(f"OPENHOURS_KEY={reporting}\n")
        done = openhours("report", *to, "-o", "r.csv", "--outages", "o.csv", cwd=elsewhere)
        assert done.returncode == 0, done.stderr
        here = place / "here"
        here.mkdir()
        again = openhours("ingest", *FILES, cwd=here)
        local = openhours("report", "-o", "r.csv", "--outages", "o.csv", cwd=here)
        parquet = ("--format", "parquet", "-o", "r.parquet", "--outages", "o.parquet")
        for folder, server in ((elsewhere, to), (here, ())):
            assert openhours("report", *server, *parquet, cwd=folder).returncode == 0
        for options in (["--layout", "long", "--full"], ["--group-by", "region"]):
            ours, theirs = (
                openhours("report", *options, *where, cwd=elsewhere) for where in (to, ())
            )
            assert ours.stdout == theirs.stdout != ""
            assert without_id(ours.stderr) == without_id(theirs.stderr)
    assert columns(loaded.stderr) == columns(again.stderr)
    for name in ("r.csv", "o.csv", "r.parquet", "o.parquet"):
        assert (elsewhere / name).read_bytes() == (here / name).read_bytes()
    outages = pyarrow.parquet.read_table(here / "o.parquet")
    assert outages.num_rows == len((here / "o.csv").read_text().splitlines()) - 1 > 0
    assert without_id(done.stderr) == without_id(local.stderr)
    files = [".env", "o.csv", "o.parquet", "r.csv", "r.parquet"]
    assert sorted(path.name for path in elsewhere.iterdir()) == files
    said = service.story() + "".join(one.stderr for one in (closed, refused, loaded, done))
    assert reporting not in said
    assert ingesting not in said


def without_id(said: str) -> list[str]:
    """What `report` says, without the report's id."""
    return [line.partition(": ")[2] or line for line in said.splitlines()]


def columns(said: str) -> list[list[str]]:
    """File, kind and rows of what `ingest` says."""
    return [line.split()[:3] for line in said.splitlines() if ".csv" in line.split()[0]]


def test_what_is_wrong_is_told_as_it_is_here(settings: Settings, place: Path) -> None:
    (place / "prices.csv").write_text("a,b\n1,2\n")
    (place / "empty.csv").write_text("")
    (place / "zones.csv").write_bytes(ZONES)
    with Service(place) as service:

        def run(*arguments: str) -> tuple[int, str]:
            done = openhours(*arguments, "--server", service.url, cwd=place)
            return done.returncode, done.stderr

        code, said = run("ingest", "prices.csv", "zones.csv", "empty.csv")
        assert code == 1
        assert "refused prices.csv: no kind of file has the columns of this one" in said
        assert "refused empty.csv: the body is empty: send a CSV file" in said
        assert ["zones.csv", "timezones", "2"] in columns(said)
        assert run("ingest", "nowhere.csv") == (1, "no such file: nowhere.csv\n")
        assert run("report", "--store", "nobody") == (1, "unknown store: nobody\n")
        code, said = run("report", "--as-of", "yesterday")
        assert (code, "--as-of: not a time" in said) == (2, True)
        assert run("report", "--layout", "tall")[0] == 2
    nameless = openhours("report", "--key", "oh_x", cwd=place)
    assert (nameless.returncode, "--key: the key of a --server" in nameless.stderr) == (2, True)
    for url in ("hours.example.org", "ftp://hours.example.org", "http://host:99999"):
        wrong = openhours("report", "--server", url, cwd=place)
        assert (wrong.returncode, "--server: " in wrong.stderr) == (2, True)


def test_it_needs_nothing_of_the_server() -> None:
    code = (
        "import sys; from openhours.cli import main, ingest, report, remote_commands;"
        f"print([name for name in {SERVER_PARTS} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@contextmanager
def in_between(service: Service, *steps: Step) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A proxy's address, and what it was asked: method and path.

    Each step sees a request first; it answers itself and returns True, or leaves it to the server.
    """
    asked: list[tuple[str, str]] = []
    left = list(steps)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append((self.command, self.path.partition("?")[0]))
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if left and left[0](self):
                left.pop(0)
                return
            headers = {**self.headers, "Accept-Encoding": "identity"}
            answer = service.client.request(
                self.command, self.path, content=self.body, headers=headers
            )
            send(self, answer.status_code, answer.content, dict(answer.headers))

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}", asked
    http.shutdown()
    http.server_close()


def send(handler: Any, status: int, content: bytes = b"", headers: dict[str, str] = {}) -> None:  # noqa: B006
    handler.send_response(status)
    for name, value in headers.items():
        if name not in ("content-length", "transfer-encoding", "date", "server", "connection"):
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def at(method: str, path: str, act: Callable[[Any], None]) -> Step:
    """A step that acts on the next request for this path."""

    def step(handler: BaseHTTPRequestHandler) -> bool:
        fits = (handler.command, handler.path.partition("?")[0].startswith(path)) == (method, True)
        if fits:
            act(handler)
        return fits

    return step


def hang_up(handler: Any) -> None:
    handler.close_connection = True
    handler.connection.close()


def test_an_upload_whose_answer_is_lost_is_sent_again_and_loaded_once(
    settings: Settings, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = place / "zones.csv"
    file.write_bytes(ZONES)
    with Service(place) as service:

        def take_and_hang_up(handler: Any) -> None:
            headers = dict(handler.headers)
            taken = service.client.post(handler.path, content=handler.body, headers=headers)
            assert taken.status_code == 202
            hang_up(handler)

        steps = (
            at("POST", "/ingest", hang_up),
            at("POST", "/ingest", lambda handler: send(handler, 503, b"", {"Retry-After": "0"})),
            at("POST", "/ingest", take_and_hang_up),
            at("GET", "/ingestions/", lambda handler: send(handler, 502)),
        )
        with in_between(service, *steps) as (url, asked):
            assert remote_commands.ingest(Server(httpx.URL(url), None), [file], None)
        [loaded] = service.client.get("/ingestions").json()
    assert (loaded["loaded"], loaded["rejected"]) == (1, 1)
    assert asked.count(("POST", "/ingest")) == 4
    said = capsys.readouterr().err
    assert said.count("trying again in") == 3
    assert ["zones.csv", "timezones", "2", "1", "0", "1"] in [
        line.split()[:6] for line in said.splitlines()
    ]


def test_a_report_is_made_once_and_whole_whatever_breaks_off(
    settings: Settings, place: Path
) -> None:
    out = place / "report.csv"
    out.write_text("of yesterday")

    def cut_events(handler: Any) -> None:
        told = json.dumps({"status": "Running", "progress": 0.5})
        send(handler, 200, f"event: progress\ndata: {told}\n\n".encode())

    def half(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.send_header("X-Row-Count", "1")
        handler.end_headers()
        handler.wfile.write(b"store_id")
        assert out.read_text() == "of yesterday"
        hang_up(handler)

    with Service(place) as service:
        polls = gzip.decompress((SAMPLE / "store_status.csv.gz").read_bytes())
        service.upload("status", polls)
        steps = (
            at("POST", "/trigger_report", hang_up),
            at("GET", "/reports/", cut_events),
            at("GET", "/get_report/", half),
        )
        with in_between(service, *steps) as (url, asked):
            made = remote_commands.report(
                Server(httpx.URL(url), None), out, "csv", "wide", False, None, None
            )
        [report] = service.client.get("/reports").json()
        expected = service.client.get(report["url"]).content
    assert made
    assert out.read_bytes() == expected
    assert [path.name for path in place.glob(".report.csv*")] == []
    polled = asked.count(("GET", f"/reports/{report['report_id']}"))
    assert polled >= 1, "without events it asks"
    assert asked.count(("POST", "/trigger_report")) == 2


def test_a_server_that_stays_away_is_given_up(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = Server(httpx.URL("http://127.0.0.1:9"), None)
    with pytest.raises(server.ServerFailed, match="the server is not reached"):
        remote_commands.report(nobody, None, "csv", "wide", False, None, None)
    assert capsys.readouterr().err.count("trying again") == server.MAX_TRIES - 1
