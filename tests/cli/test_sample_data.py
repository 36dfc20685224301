"""`openhours sample-data --load` and `--remove`: what `make run` shows, and how it goes again."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from tools.service import Service

from openhours.cli import sample_loading
from openhours.ingestion import sample_data
from openhours.ingestion.sample import STORES
from openhours.settings import Settings
from tests.helpers.command import openhours
from tests.helpers.database import fetch
from tests.helpers.terminal import ROOT, Terminal, make_checkout
from tests.helpers.waiting import wait_for

OWN = "a store of my own"
OWN_POLLS = f"""store_id,timestamp_utc,status
{OWN},2022-11-01 16:00:00 UTC,active
{OWN},2022-11-01 17:00:00 UTC,inactive
"""


def upload_sample(service: Service, place: Path) -> None:
    files = sample_data.write(place / "sample", STORES)
    for kind, file in zip(("status", "hours", "timezones", "labels"), files, strict=True):
        assert service.upload(kind, file.read_bytes())["state"] == "complete"


def test_only_what_belongs_to_the_sample_is_removed(
    service: Service, place: Path, database_url: str
) -> None:
    upload_sample(service, place)
    of_the_sample = service.trigger()
    assert service.wait_report(of_the_sample).text.count("\n") == 61
    assert openhours("hours", "set", OWN, "daily", "09:00-17:00", cwd=place).returncode == 0
    own = service.upload("status", OWN_POLLS.encode())
    mixed = service.trigger()
    before = service.wait_report(mixed).content
    assert before.count(b"\n") == 62

    removed = openhours("sample-data", "--remove", cwd=place)
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.startswith("removed: stores 60, observations 19,")
    assert removed.stdout.rstrip().endswith("ingestions 4, reports 1")

    assert service.client.get(f"/get_report/{of_the_sample}").status_code == 404
    assert service.wait_report(mixed).content == before
    (left,) = service.client.get("/ingestions").json()
    assert left["ingestion_id"] == own["ingestion_id"]
    assert fetch(database_url, "SELECT count(*) FROM observations") == [(2,)]
    assert fetch(database_url, "SELECT count(*) FROM business_hours") == [(7,)]
    # "Last hour" looks back from the newest poll, which is now one of our own.
    now = service.wait_report(service.trigger()).text.splitlines()
    assert len(now) == 2
    assert now[1].startswith(f"{OWN},")
    assert now[1] != next(line for line in before.decode().splitlines() if OWN in line)

    again = openhours("sample-data", "--remove", cwd=place)
    assert again.stdout == (
        "removed: stores 0, observations 0, business hours 0, ingestions 0, reports 0\n"
    )


def test_the_sample_leaves_nothing_where_there_was_nothing_else(
    service: Service, place: Path, database_url: str
) -> None:
    upload_sample(service, place)
    service.wait_report(service.trigger(outages=True))
    assert openhours("sample-data", "--remove", cwd=place).returncode == 0
    tables = ("stores", "observations", "business_hours", "labels", "ingestions", "rejected_rows")
    for table in (*tables, "feed_clocks", "reports", "report_rows", "report_outages"):
        assert fetch(database_url, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert service.wait_report(service.trigger()).text.count("\n") == 1


def test_a_correction_keeps_the_stores_that_it_names(
    service: Service, place: Path, database_url: str
) -> None:
    upload_sample(service, place)
    first, second = sample_data.store_ids(2)
    correction = {
        "store_ids": [first],
        "from": "2022-11-07T00:00:00Z",
        "to": "2022-11-08T00:00:00Z",
        "treat_as": "excluded",
        "category": "holiday",
        "reason": "a holiday",
    }
    made = service.client.post("/corrections", json=correction).raise_for_status().json()
    removed = openhours("sample-data", "--remove", cwd=place)
    assert removed.stdout.startswith("removed: stores 60,"), removed.stderr
    assert service.client.get("/corrections").json() == [made]
    assert fetch(database_url, "SELECT store_id, feed FROM stores") == [(first, None)]
    assert fetch(database_url, "SELECT * FROM labels") == []
    assert service.client.get(f"/api/stores/{second}/timeline").status_code == 404


@pytest.mark.slow
def test_nothing_is_removed_under_a_file_that_waits(settings: Settings, place: Path) -> None:
    with Service(place, OPENHOURS_WORKER="0") as service:
        assert service.client.post("/ingest/status", content=OWN_POLLS.encode()).is_success
        refused = openhours("sample-data", "--remove", cwd=place)
    assert refused.returncode == 2
    assert "try again when it is complete" in refused.stderr


@pytest.fixture
def nothing_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of somebody who has no settings."""
    for variable in os.environ:
        if variable.startswith("OPENHOURS_") or variable in ("DATABASE_URL", "DB_URL"):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "DB_URL", "OPENHOURS_DATA_DIR", "OPENHOURS_INBOX"]
)
@pytest.mark.parametrize("line", [None, "{}={}", "export {}={}", "  {} = '{}'"])
def test_who_names_a_place_of_their_own_gets_no_sample(
    nothing_named: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    line: str | None,
) -> None:
    place = nothing_named
    value = "postgresql://nobody@nowhere/nothing" if name.endswith("URL") else str(place)
    if line is None:
        monkeypatch.setenv(name, value)
    else:
        (place / ".env").write_text(line.format(name, value) + "\n")
    asyncio.run(sample_loading.load(Settings()))
    said = capsys.readouterr().out
    assert said.startswith("the sample is not loaded: ")
    assert name in said
    assert not (place / ".openhours").exists()


@pytest.fixture
def checkout(place: Path) -> Path:
    """A checkout in which `make run` finds everything installed."""
    folder = place / "checkout"
    folder.mkdir()
    python = make_checkout(folder)
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    command = python.with_name("openhours")
    command.write_text(f'#!/bin/sh\nPYTHONPATH={folder}/src exec {python} -m openhours.cli "$@"\n')
    command.chmod(0o755)
    (folder / ".venv" / "run").touch()
    return folder


@pytest.mark.slow
def test_make_run_loads_the_sample_once_into_the_folder_that_all_commands_use(
    checkout: Path, place: Path
) -> None:
    service = Terminal(place, checkout, "make", "run")
    try:
        service.start()
        wait_for(lambda: "openhours is at" in service.story(), story=service.story)
        told = service.story()
        assert told.index("the sample is loaded") < told.index("openhours is at")
        assert service.wait_report(service.trigger()).text.count("\n") == 61
        command = checkout / ".venv" / "bin" / "openhours"
        store = sample_data.store_ids(60)[5]
        assert store in service.typed(command, "hours", "show", store)
        assert "removed: stores 60" in service.typed(command, "sample-data", "--remove")
        service.press_ctrl_c()
        service.expect_no_process()
        # The worker has ended before the database.
        assert "the database is away" not in service.story()
        assert list((checkout / ".openhours" / "uploads").iterdir()) == []

        service.start()
        again = "the sample is not loaded: the database is not new"
        wait_for(lambda: again in service.story(), story=service.story)
        assert service.client.get("/ingestions").json() == []
        service.press_ctrl_c()
    finally:
        service.stop()


def test_files_in_the_inbox_are_better_than_a_sample(
    nothing_named: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nothing_named / "data").mkdir()
    (nothing_named / "data" / "polls.csv").write_text(OWN_POLLS)
    asyncio.run(sample_loading.load(Settings()))
    assert capsys.readouterr().out == ("the sample is not loaded: data has files of your own\n")
