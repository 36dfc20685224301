"""Files over a real server: what is loaded, what is rejected, what is refused."""

import asyncio
import csv
import gzip
import io
import os
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pyarrow.parquet
from tools.service import Service

from openhours.ingestion.ingest import LOCK
from tests.helpers.waiting import wait_for

SHARED_SERVICE = True

STATUS = b"store_id,timestamp_utc,status\n"
HOURS = b"store_id,day,start_time_local,end_time_local\n"
ZONES = b"store_id,timezone_str\n"


ENVIRONMENT = {"OPENHOURS_MAX_UPLOAD_MB": "2", "OPENHOURS_INBOX_CRON": "* * * * * */1"}


def counts(ingestion: dict[str, object]) -> tuple[object, ...]:
    return tuple(ingestion[name] for name in ("rows", "loaded", "unchanged", "rejected"))


def test_counts_add_up_and_the_same_file_again_changes_nothing(service: Service) -> None:
    body = STATUS + (
        b"1,2023-01-22 12:09:39.388884 UTC,active\n"
        b"1,2023-01-22 12:09:39.388884 UTC,inactive\n"  # the later line wins
        b"2,2023-01-22T13:00:00+01:00,ACTIVE\n"
        b"8.13992E+018,2023-01-22 12:00:00 UTC,active\n"
        b"3,yesterday,active\n"
    )
    first = service.upload("status", body)
    assert first["state"] == "complete"
    assert counts(first) == (5, 2, 1, 2)
    again = service.upload("status", body)
    assert counts(again) == (5, 0, 3, 2)
    changed = service.upload("status", STATUS + b"1,2023-01-22 12:09:39.388884 UTC,active\n")
    assert counts(changed) == (1, 1, 0, 0)
    rejects = service.client.get(f"/ingestions/{first['ingestion_id']}/rejects.csv").text
    assert list(csv.reader(io.StringIO(rejects))) == [
        ["line", "reason", "row"],
        ["5", "mangled_store_id", "8.13992E+018,2023-01-22 12:00:00 UTC,active"],
        ["6", "bad_timestamp", "3,yesterday,active"],
    ]


def test_hours_replace_those_of_the_stores_they_name(service: Service) -> None:
    service.upload("hours", HOURS + b"a,0,09:00,17:00\na,1,09:00,17:00\nb,0,09:00,17:00\n")
    # a gets new hours, b is not named, c has a bad row and is not known yet.
    second = service.upload(
        "hours", HOURS + b"a,0,09:00,17:00\na,2,10:00,24:00\nc,0,9:00,10:00\nc,8,9:00,10:00\n"
    )
    assert counts(second) == (4, 1, 1, 2)
    rejects = service.client.get(f"/ingestions/{second['ingestion_id']}/rejects.csv").text
    assert "4,store_has_bad_rows," in rejects
    assert "5,bad_day," in rejects
    third = service.upload("hours", HOURS + b"a,0,09:00,17:00\na,2,10:00,24:00\nb,0,09:00,17:00\n")
    assert counts(third) == (3, 0, 3, 0)


def test_time_zones_replace_by_store(service: Service) -> None:
    first = service.upload("timezones", ZONES + b"a,Asia/Beirut\nb,Mars/Base\na,Europe/Berlin\n")
    assert counts(first) == (3, 1, 1, 1)
    assert counts(service.upload("timezones", ZONES + b"a,Europe/Berlin\n")) == (1, 0, 1, 0)


def test_labels_replace_by_store_and_key(service: Service) -> None:
    labels = b"store_id,region,name\na,west,Elm\nb,east,\n*,west,\n"
    first = service.upload("labels", labels)
    assert (first["kind"], first["name"], counts(first)) == ("labels", "labels.csv", (3, 2, 0, 1))
    assert first["rejected_by_reason"] == {"reserved_store_id": 1}
    assert counts(service.upload("labels", b"store_id,name\na,\nb,\n")) == (2, 1, 1, 0)
    service.upload("status", STATUS + b"b,2023-01-22 12:00:00 UTC,active\n")
    report = service.wait_report(service.trigger()).text.splitlines()
    assert [line.split(",")[0] for line in report] == ["store_id", "b"], "a has labels alone"
    refused = service.upload("labels", b"store_id\na\n")
    assert refused["error"].startswith("not a labels file: no column beside store_id")


def test_packed_files_and_forms(service: Service) -> None:
    row = b"1,2023-01-22 12:00:00 UTC,active\n"
    assert counts(service.upload("status", gzip.compress(STATUS + row))) == (1, 1, 0, 0)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("polls.csv", STATUS + row)
    assert counts(service.upload("status", archive.getvalue())) == (1, 0, 1, 0)
    parquet = io.BytesIO()
    columns = {"store_id": ["1"], "timestamp_utc": ["2023-01-22T12:00:00Z"], "status": ["active"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), parquet)
    answer = service.client.post("/ingest", content=parquet.getvalue())
    assert counts(service.wait_ingestion(answer.json()["ingestion_id"])) == (1, 0, 1, 0)
    answer = service.client.post(
        "/ingest/status", files={"file": ("polls of today.csv", STATUS + row, "text/csv")}
    )
    done = service.wait_ingestion(answer.json()["ingestion_id"])
    assert (done["name"], counts(done)) == ("polls of today.csv", (1, 0, 1, 0))
    listed = service.client.get("/ingestions").json()
    assert listed[0]["ingestion_id"] == done["ingestion_id"]


def test_a_file_without_its_columns_is_refused_whole(service: Service) -> None:
    refused = service.upload("status", b"store_id,status\n1,active\n")
    assert refused["state"] == "failed"
    assert refused["error"] == ("not a status file: no column timestamp_utc")
    assert service.upload("hours", b"\x1f\x8b no gzip")["state"] == "failed"
    assert service.client.get("/reports").json() == []


def test_a_file_may_be_as_large_as_the_setting_says(service: Service) -> None:
    row = b"1,2023-01-22 12:00:00 UTC,active\n"
    body = STATUS + row * 40_000
    assert len(body) > 1 << 20  # the limit of all other bodies
    assert counts(service.upload("status", body)) == (40_000, 1, 39_999, 0)
    body = STATUS + row * 80_000
    refused = service.client.post("/ingest/status", content=body)
    assert refused.status_code == 413
    assert refused.json()["detail"] == (
        "the file is larger than 2,097,152 bytes (OPENHOURS_MAX_UPLOAD_MB)"
    )
    # Without a length, too; and through a form.
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    assert service.client.post("/ingest/status", content=chunks).status_code == 413
    form = service.client.post("/ingest/status", files={"file": ("polls.csv", body)})
    assert form.status_code == 413
    assert list((service.folder / "home" / "uploads").iterdir()) == []


def test_the_inbox_is_looked_at_again_and_again(service: Service) -> None:
    inbox = service.folder / "inbox"
    (inbox / "below").mkdir()
    (inbox / "below" / "polls.csv").write_bytes(STATUS + b"9,2023-01-22 12:00:00 UTC,active\n")
    (inbox / "notes.txt").write_text("not for us")
    polls = inbox / "polls.csv"
    polls.write_bytes(STATUS + b"1,2023-01-22 12:00:00 UTC,active\n")

    def ingestions(number: int) -> list[dict[str, object]]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found: list[dict[str, object]] = service.client.get("/ingestions").json()
            if len(found) == number and found[0]["state"] == "complete":
                return found
            time.sleep(0.1)
        raise AssertionError(service.client.get("/ingestions").text)

    assert counts(ingestions(1)[0]) == (1, 1, 0, 0)
    with polls.open("ab") as grown:
        grown.write(b"1,2023-01-22 13:00:00 UTC,active\n")
    assert counts(ingestions(2)[0]) == (2, 1, 1, 0)
    time.sleep(2.5)  # two more looks: an unchanged file is not read again
    assert len(ingestions(2)) == 2


def test_a_name_that_is_not_utf_8_is_refused_and_the_other_files_are_loaded(
    service: Service,
) -> None:
    inbox = service.folder / "inbox"
    (inbox / "polls.csv").write_bytes(STATUS + b"1,2023-01-22 12:00:00 UTC,active\n")
    Path(os.fsdecode(os.fsencode(inbox) + b"/Gr\xf6\xdfe.csv")).write_bytes(STATUS)

    def ended() -> list[dict[str, object]]:
        found: list[dict[str, object]] = service.client.get("/ingestions").json()
        return [one for one in found if one["state"] in ("complete", "failed")]

    wait_for(lambda: len(ended()) == 2)
    found = sorted(ended(), key=lambda one: str(one["name"]))
    assert [(one["name"], one["error"]) for one in found] == [
        ("Gr\\xf6\\xdfe.csv", "the file's name is not UTF-8: rename it"),
        ("polls.csv", None),
    ]
    time.sleep(1.5)  # another look: it is told once
    assert len(service.client.get("/ingestions").json()) == 2


def test_what_was_left_of_a_broken_upload_is_removed(service: Service) -> None:
    uploads = service.folder / "home" / "uploads"
    uploads.mkdir(exist_ok=True)
    arriving, broken = uploads / "arriving", uploads / "broken"
    for path in (arriving, broken):
        path.write_bytes(STATUS)
    two_hours_ago = time.time() - 7200
    os.utime(broken, (two_hours_ago, two_hours_ago))
    wait_for(lambda: not broken.exists())
    assert arriving.exists()
    arriving.unlink()


def test_a_spreadsheet_finds_no_formula_among_the_rejected_rows(service: Service) -> None:
    starts = ("=", "+", "-", "@", "'", "a")
    lines = "".join(f"{start}1+1,never,active\n" for start in starts)
    lines += '"\t=1",never,active\n"\r=1",never,active\n'
    done = service.upload("status", STATUS + lines.encode())
    answer = service.client.get(f"/ingestions/{done['ingestion_id']}/rejects.csv")
    rows = [row for _, _, row in list(csv.reader(io.StringIO(answer.text, newline="")))[1:]]
    assert rows[:4] == [f"'{start}1+1,never,active" for start in starts[:4]]
    assert rows[4:] == [
        "'1+1,never,active",
        "a1+1,never,active",
        '"\t=1",never,active',
        '"\r=1",never,active',
    ]


def test_rejected_rows_that_are_not_kept_are_counted_and_said(service: Service) -> None:
    done = service.upload(
        "status", STATUS + b"1,never,active\n" * 10_001 + b"2,2023-01-01 00:00:00,on\n"
    )
    assert counts(done) == (10_002, 0, 0, 10_002)
    assert done["rejected_by_reason"] == {"bad_status": 1, "bad_timestamp": 10_001}
    lines = service.client.get(f"/ingestions/{done['ingestion_id']}/rejects.csv").text.splitlines()
    assert len(lines) == 1 + 10_000 + 1
    assert lines[-1] == ',not_kept,"2 more rows were rejected and are not kept"'


@contextmanager
def turn_of_another_machine(database_url: str) -> Iterator[None]:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database_url))
        runner.run(connection.execute("SELECT pg_advisory_lock($1)", LOCK))
        yield
        runner.run(connection.close())


def test_a_file_that_is_queued_or_running_can_be_cancelled(service: Service) -> None:
    row = b"1,2023-01-22 12:00:00 UTC,active\n"
    known = service.upload("status", STATUS)["ingestion_id"]
    with turn_of_another_machine(service.environment["DATABASE_URL"]):
        sent = [service.client.post("/ingest/status", content=STATUS + row) for _ in "ab"]
        first, second = (f"/ingestions/{answer.json()['ingestion_id']}" for answer in sent)
        wait_for(lambda: service.client.get(first).json()["state"] == "running")
        assert service.client.get(second).json()["state"] == "queued"
        for path in (first, second):
            assert service.client.delete(path).status_code == 204
            assert service.client.delete(path).status_code == 204, "again"
            found = service.client.get(path).json()
            assert (found["state"], found["error"]) == (
                "failed",
                "cancelled by a request from 127.0.0.1",
            )
    assert service.client.delete(f"/ingestions/{known}").status_code == 409
    assert service.client.delete("/ingestions/nothing").status_code == 404
    assert counts(service.upload("status", STATUS + row)) == (1, 1, 0, 0)
    uploads = service.folder / "home" / "uploads"
    wait_for(lambda: list(uploads.iterdir()) == [])


def test_the_name_that_a_sender_gives_is_shown_without_control_characters(
    service: Service,
) -> None:
    name = "a\x1b]0;b\x07\r\nc.csv"
    answer = service.client.post("/ingest/status", params={"name": name}, content=STATUS)
    done = service.wait_ingestion(answer.json()["ingestion_id"])
    assert done["name"] == r"a\x1b]0;b\x07\r\nc.csv"


def test_a_client_that_hangs_up_is_no_error_of_ours(service: Service) -> None:
    before = len(service.story())
    for head in (b"Content-Length: 1000", b"Transfer-Encoding: chunked"):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            request = b"POST /ingest/status HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % head
            connection.sendall(request + STATUS)
    counted = (
        'request_duration_seconds_count{method="POST",route="/ingest/{kind}",status="400"} 2.0'
    )
    wait_for(lambda: counted in service.client.get("/metrics").text)
    assert "Traceback" not in service.story()[before:]
    assert list((service.folder / "home" / "uploads").iterdir()) == []
