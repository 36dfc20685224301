"""The queue on the PC's disk, and what answers and failures mean for it."""

import sqlite3
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from openhours import remote
from openhours.agent import sender
from openhours.agent.beat_queue import BeatQueue, InUse, hold
from openhours.agent.sender import Delivered, Kept, Refused

AT = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)


def test_what_was_added_is_there_in_order_after_a_restart(tmp_path: Path) -> None:
    queue = BeatQueue(tmp_path / "new folder" / "q.db")
    for n in range(5):
        assert queue.add("joe", AT + timedelta(microseconds=n))
    first = queue.oldest(2)
    assert [beat.event_time for beat in first] == [
        "2024-02-29T23:59:59.999999Z",
        "2024-03-01T00:00:00.000000Z",
    ]
    assert len({beat.beat_id for beat in queue.oldest(9)}) == 5
    queue.remove(first)
    third, *rest = queue.oldest(9)
    queue.set_aside(third, "never")
    queue.close()
    queue = BeatQueue(tmp_path / "new folder" / "q.db")
    assert (queue.oldest(9), queue.waiting, queue.refused()) == (rest, 2, 1)
    queue.close()


def test_a_full_queue_gives_up_the_oldest(tmp_path: Path) -> None:
    queue = BeatQueue(tmp_path / "q.db", most=3)
    took = [queue.add("joe", AT + timedelta(minutes=n)) for n in range(5)]
    assert took == [True, True, True, False, False]
    assert [beat.event_time[14:16] for beat in queue.oldest(9)] == ["01", "02", "03"]
    for beat in queue.oldest(9):
        queue.set_aside(beat, "never")
        queue.add("joe", AT)
    assert (queue.waiting, queue.refused()) == (3, 3)
    for beat in queue.oldest(9):
        queue.set_aside(beat, "never")
    assert (queue.waiting, queue.refused()) == (0, 3)
    queue.close()


def test_a_file_belongs_to_one_queue(tmp_path: Path) -> None:
    queue = BeatQueue(tmp_path / "q.db")
    with pytest.raises(InUse):
        BeatQueue(tmp_path / "q.db")
    queue.close()
    BeatQueue(tmp_path / "q.db").close()
    held = hold(tmp_path / "lock")
    with pytest.raises(InUse):
        hold(tmp_path / "lock")
    held.close()
    hold(tmp_path / "lock").close()
    (tmp_path / "letter.txt").write_text("Dear Joe, this is no database. " * 100)
    with pytest.raises(sqlite3.DatabaseError):
        BeatQueue(tmp_path / "letter.txt")


def answer(code: int, content: str = "", **headers: str) -> sender.Outcome:
    return sender._meaning(httpx.Response(code, text=content, headers=headers), 2)


def test_only_an_answer_of_openhours_takes_beats_out_of_the_queue() -> None:
    assert answer(201, "[{}, {}]") == Delivered()
    for content in ("", "[{}]", '{"id": 1}', "<html>", "[" * 100_000):
        assert isinstance(answer(201, content), Kept)
    assert isinstance(answer(200, "[{}, {}]"), Kept)
    assert isinstance(answer(404, '{"detail": "Not Found"}'), Kept)
    assert isinstance(answer(422, "<html>"), Kept)
    assert isinstance(answer(422, '{"detail": ""}'), Kept)
    told = '{"title": "Unprocessable Content", "detail": "1.pc: a\\u0007b"}'
    assert answer(422, told) == Refused("HTTP 422: 1.pc: a b")
    assert answer(413, '{"detail": "too large"}') == Refused("HTTP 413: too large")


def test_retry_after_in_both_its_forms() -> None:
    def after(value: str) -> float:
        outcome = answer(503, **{"Retry-After": value})
        assert isinstance(outcome, Kept)
        return outcome.after

    assert after("120") == 120
    assert after("9" * 400) == 3600, "not for ever, whatever a server says"
    assert after("-5") == after("soon") == after("") == 0
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 58 <= after(date) <= 60
    assert after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_pauses_double_up_to_a_bound_and_are_never_in_step() -> None:
    for failures, longest in ((1, 1.0), (2, 2.0), (6, 32.0), (7, 60.0), (10**6, 60.0)):
        pauses = {remote.pause(failures) for _ in range(50)}
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
