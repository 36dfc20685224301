"""An upload that is sent again with its Idempotency-Key is the same ingestion."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from openhours.ingestion.uploads import folder_of
from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.database import fetch

KEY = {"Idempotency-Key": "polls of 2023-01-22"}
POLLS = b"store_id,timestamp_utc,status\n1,2023-01-22 12:09:39 UTC,active\n"


def test_the_same_key_is_the_same_ingestion_and_keeps_one_file(
    settings: Settings, database_url: str
) -> None:
    def upload(_: int) -> str:
        answer = client.post("/ingest/status", headers=KEY, content=POLLS)
        assert answer.status_code == 202
        return str(answer.headers["location"])

    with running(settings) as client, ThreadPoolExecutor(6) as pool:
        places = set(pool.map(upload, range(6)))
        other = client.post("/ingest/status", content=POLLS)
    assert len(places) == 1
    assert other.headers["location"] not in places
    assert fetch(database_url, "SELECT count(*) FROM ingestions") == [(2,)]
    assert fetch(database_url, "SELECT count(*) FROM pgqueuer") == [(2,)]
    assert len(list(folder_of(settings).iterdir())) == 2


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/ingest/status", POLLS + b"2,2023-01-22 12:09:39 UTC,active\n"),
        ("/ingest/status?name=other.csv", POLLS),
        ("/ingest/hours", POLLS),
        ("/ingest", POLLS),
    ],
)
def test_a_key_with_another_file_name_or_kind_is_refused(
    settings: Settings, path: str, content: bytes
) -> None:
    with running(settings) as client:
        assert client.post("/ingest/status", headers=KEY, content=POLLS).is_success
        answer = client.post(path, headers=KEY, content=content)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == ["header", "Idempotency-Key"]
    assert len(list(folder_of(settings).iterdir())) == 1


def test_keys_of_one_caller_are_not_those_of_another(settings: Settings) -> None:
    ann, bob = make_keys(settings, [["ingest"], ["admin"]])
    with running(settings) as client:
        places = {
            client.post("/ingest/status", headers=KEY | bearer(key), content=POLLS).text
            for key in (ann, bob, ann)
        }
    assert len(places) == 2
