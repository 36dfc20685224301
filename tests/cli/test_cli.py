"""The command line, as typed."""

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from openhours.ingestion import sample_data
from openhours.settings import Settings
from tests.helpers.command import openhours


def test_the_sample_is_the_committed_one_and_always_the_same(place: Path) -> None:
    committed = Path(__file__).parents[2] / "data" / "sample"
    for path in sample_data.write(place, 60):
        # Not the bytes of a .gz: Python's versions write different headers.
        assert content(path) == content(committed / path.name)


def content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.mark.slow
def test_the_sample_through_the_commands(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del settings
    folder = Path(__file__).parents[2] / "data" / "sample"
    files = [str(path) for path in sorted(folder.iterdir())]
    loaded = openhours("ingest", *files, cwd=place)
    assert loaded.returncode == 0, loaded.stderr
    assert "store_status.csv.gz" in loaded.stderr
    advice = [line for line in loaded.stderr.splitlines() if line.startswith("advice ")]
    assert advice[-1].startswith("advice timezones.csv: 1 store with polls has no business hours")
    assert advice[-1].endswith("(7230879983245502181)")
    done = openhours("report", "--out", "report.csv", "--full", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "60 rows" in done.stderr
    lines = (place / "report.csv").read_text().splitlines()
    assert len(lines) == 61
    # The store that is polled only while it is closed has a row without figures.
    assert sum(line.split(",")[1] == "" for line in lines) == 1
    to_output = openhours("report", "--full", cwd=place)
    assert to_output.stdout.splitlines() == lines
    some = openhours("report", "--label", "region=west", "--label", "region=east", cwd=place)
    assert some.stdout.count("\n") == 1 + 23
    regions = openhours("report", "--group-by", "region", cwd=place)
    assert [line.partition(",")[0] for line in regions.stdout.splitlines()] == [
        "region", "central", "east", "mountain", "southwest", "west", "",
    ]  # fmt: skip
    assert "6 groups" in regions.stderr
    options = ("--group-by", "region", "--full", "--window", "last_day")
    monkeypatch.setenv("OPENHOURS_TARGET", "0")
    met = openhours("report", *options, cwd=place)
    monkeypatch.delenv("OPENHOURS_TARGET")
    groups = [line.split(",") for line in met.stdout.splitlines()]
    assert groups[0][-3:] == ["met_last_day", "missed_last_day", "cannot_tell_last_day"]
    # All of them, but the store that is unknown.
    assert [sum(map(int, of)) for of in list(zip(*groups[1:], strict=True))[-3:]] == [59, 0, 0]
    one = openhours("report", "--store", lines[5].split(",")[0], "--full", cwd=place)
    assert one.stdout.splitlines() == [lines[0], lines[5]]
    both = openhours("report", "--layout", "long", "--outages", "outages.csv", cwd=place)
    long = both.stdout.splitlines()
    assert long[0].startswith("store_id,window,start,end,open(in hours),")
    assert len(long) == 1 + 60 * 3
    outages = (place / "outages.csv").read_text().splitlines()
    assert outages[0].startswith("store_id,began_at,ended_at,")
    assert f"{len(outages) - 1} outages -> outages.csv" in both.stderr
    book = openhours("report", "--format", "xlsx", "-o", "report.xlsx", cwd=place)
    assert (book.returncode, "60 rows -> report.xlsx" in book.stderr) == (0, True)
    assert openpyxl.load_workbook(place / "report.xlsx")["report"].max_row == 61


@pytest.mark.slow
def test_a_refused_file_is_exit_code_1_and_says_why(settings: Settings, place: Path) -> None:
    del settings
    (place / "prices.csv").write_text("a,b\n1,2\n")
    refused = openhours("ingest", "prices.csv", cwd=place)
    assert refused.returncode == 1
    assert "refused prices.csv: no kind of file has the columns of this one" in refused.stderr
    missing = openhours("ingest", "nowhere.csv", cwd=place)
    assert missing.returncode == 1
    assert "no such file: nowhere.csv" in missing.stderr
    wrong = openhours("ingest", "--kind", "prices", "prices.csv", cwd=place)
    assert (wrong.returncode, "--kind: status, hours, " in wrong.stderr) == (2, True)
    (place / "regions.csv").write_text("store_id,region\n1,west\n")
    told = openhours("ingest", "--kind", "labels", "regions.csv", cwd=place)
    assert told.returncode == 0, told.stderr


@pytest.mark.slow
def test_wrong_options_and_settings_are_named(settings: Settings, place: Path) -> None:
    del settings
    bad = openhours("report", "--as-of", "yesterday", cwd=place)
    assert (bad.returncode, "--as-of: not a time" in bad.stderr) == (2, True)
    future = openhours("report", "--as-of", "2099-01-01T00:00:00Z", cwd=place)
    assert (future.returncode, "--as-of: more than 5 minutes ahead" in future.stderr) == (2, True)
    lost = openhours("report", "--outages", ".", cwd=place)
    assert (lost.returncode, "--outages: . cannot be written" in lost.stderr) == (2, True)
    for out in ("nowhere/report.csv", "."):
        lost = openhours("report", "--out", out, cwd=place)
        assert (lost.returncode, f"--out: {out} cannot be written" in lost.stderr) == (2, True)
    nameless = openhours("report", "--format", "xlsx", cwd=place)
    assert (nameless.returncode, "name the file with --out" in nameless.stderr) == (2, True)
    tall = openhours("report", "--layout", "tall", cwd=place)
    assert (tall.returncode, "--layout: wide or long" in tall.stderr) == (2, True)
    port = openhours("serve", "--port", "99999", cwd=place)
    assert (port.returncode, "--port" in port.stderr) == (2, True)
    latin = openhours("hours", "show", os.fsdecode(b"Gr\xf6\xdfe"), cwd=place)
    assert (latin.returncode, "an argument is not UTF-8" in latin.stderr) == (2, True)
    unknown = openhours("report", "--store", "nobody", cwd=place)
    assert (unknown.returncode, "unknown store: nobody" in unknown.stderr) == (1, True)
    both = openhours("report", "--group-by", "region", "--layout", "long", cwd=place)
    assert (both.returncode, "groups have no --layout long" in both.stderr) == (2, True)
    area = openhours("report", "--group-by", "area", cwd=place)
    assert (area.returncode, "unknown label: area" in area.stderr) == (1, True)
    for label, words in (("west", "not a label, such as region=west"), ("a=b", "unknown label: a")):
        unlabelled = openhours("report", "--label", label, cwd=place)
        assert (unlabelled.returncode > 0, words in unlabelled.stderr) == (True, True)
    (place / ".env").write_text("OPENHOURS_DEFAULT_TIMEZONE=Mars/Base\n")
    wrong = openhours("serve", cwd=place)
    assert wrong.returncode == 2
    assert "OPENHOURS_DEFAULT_TIMEZONE" in wrong.stderr.upper()
    assert "'Mars/Base' is not an IANA time zone" in wrong.stderr
    (place / ".env").unlink()
    for url in ("junk", "mysql://joe:secret@db/openhours"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", url)
            refused = openhours("report", cwd=place)
        assert refused.returncode == 2
        assert "DATABASE_URL: must begin with postgresql://" in refused.stderr
        assert "secret" not in refused.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no process groups")
def test_ctrl_c_ends_server_and_worker_without_an_error(settings: Settings, place: Path) -> None:
    del settings
    service = subprocess.Popen(
        [sys.executable, "-m", "openhours.cli", "serve", "--port", "0"],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a terminal sends it to all of its foreground group
    )
    assert service.stdout is not None
    for line in service.stdout:
        if "worker ready" in line:
            break
    os.killpg(service.pid, signal.SIGINT)
    rest, _ = service.communicate(timeout=60)
    assert "ERROR" not in rest
    assert "Traceback" not in rest
