"""Clients that use everything at once. Whatever has an id of its own is sent until it is answered,
as the agent does; a visit has none, and is sent once.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from tools.chaos.caller import Caller, Ledger

STORES = 100
ROWS_AN_UPLOAD = 12 * STORES
_UPLOADS_A_FILE = 30
_FIRST_POLL = datetime(2023, 1, 10, tzinfo=UTC)
_ITEMS_A_USER = 300  # a token lives for 15 minutes


def visit(caller: Caller, number: int) -> None:
    user = f"{caller.name}-{number}"
    answer = caller.send_once("/visit", json={"user_id": user, "page_url": f"/{number % 7}"})
    if answer is not None:
        caller.ledger.visits[user] = answer.json()["visit_count"]


def beat(caller: Caller, number: int) -> None:
    beat_id = f"{caller.name}-{number}"
    body = {"pc": f"pc-{number % 10}", "beat_id": beat_id, "event_time": _now()}
    answer = caller.send_repeatedly("/track", json=body)
    caller.ledger.beats[answer["id"]] = answer["event_time"]


def record_event(caller: Caller, number: int) -> None:
    event_id = f"{caller.name}-{number}"
    body = {
        "event_id": event_id,
        "user_id": number % 10,
        "event_action_timestamp": _now(),
        "action": "viewed",
    }
    answer = caller.send_repeatedly("/api/event", json=body)
    caller.ledger.events[event_id] = answer["recorded_at"]


def work(caller: Caller, number: int) -> None:
    if number % _ITEMS_A_USER == 0:
        caller.sign_up()
    name = f"{caller.name}-{number}"
    if number % 2:
        body = {"username": caller.user, "name": name, "time": 1000, "createdAt": _now()}
        saved = caller.send_repeatedly("/api/v1/sessions/new", json=body, headers=_key(name))
    else:
        own = f"/api/v1/sessions/{caller.user}"
        caller.send_repeatedly(f"{own}/start", json={"name": name}, headers=_key(f"{name} start"))
        saved = caller.send_repeatedly(f"{own}/stop", headers=_key(f"{name} stop"))
    caller.ledger.sessions[name] = saved["id"]


def upload(caller: Caller, number: int) -> None:
    file, step = divmod(number, _UPLOADS_A_FILE)
    content = _header() + b"".join(_polls(file, part) for part in range(step + 1))
    answer = caller.send("/ingest/status", content=content)
    caller.ledger.uploads[answer["ingestion_id"]] = (file, (step + 1) * ROWS_AN_UPLOAD)


def trigger(caller: Caller, number: int) -> None:
    options = {"outages": number % 2 == 0}
    caller.ledger.reports.append(caller.send("/trigger_report", json=options)["report_id"])


# What a client does, and how long it pauses before the next (seconds).
_CLIENTS: tuple[tuple[Callable[[Caller, int], None], float], ...] = (
    (visit, 0.02),
    (visit, 0.02),
    (beat, 0.02),
    (beat, 0.02),
    (record_event, 0.03),
    (work, 0.05),
    (upload, 0.5),
    (trigger, 0.5),
)


@contextmanager
def busy_clients(urls: Sequence[str], ledger: Ledger, seed: int) -> Iterator[None]:
    """Use the services meanwhile. At the end all that was begun is answered."""
    over = threading.Event()

    def use(step: Callable[[Caller, int], None], pause: float, name: str) -> None:
        caller = Caller(name, urls, ledger, seed)
        number = 0
        while not over.wait(pause):
            step(caller, number)
            number += 1
        caller.close()

    threads = [
        threading.Thread(target=use, args=(step, pause, f"{step.__name__}{client}"), daemon=True)
        for client, (step, pause) in enumerate(_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
    for thread in threads:
        thread.join(120)
        if thread.is_alive():
            ledger.wrong.append(f"{thread.name} gets no answer")


def store_of(file: int, store: int) -> str:
    """Return the id of a store; each file has its own."""
    return f"{file}-{store}"


def _header() -> bytes:
    return b"store_id,timestamp_utc,status\nrejected,yesterday,active\n"


@cache
def _polls(file: int, part: int) -> bytes:
    lines = []
    for row in range(part * ROWS_AN_UPLOAD, (part + 1) * ROWS_AN_UPLOAD):
        hour, store = divmod(row, STORES)
        at = _FIRST_POLL + timedelta(hours=hour, seconds=store)
        status = "inactive" if (hour * 7 + store) % 11 == 0 else "active"
        lines.append(f"{store_of(file, store)},{at:%Y-%m-%d %H:%M:%S} UTC,{status}\n")
    return "".join(lines).encode()


def _key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def _now() -> str:
    return datetime.now(UTC).isoformat()
