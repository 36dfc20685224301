"""Sending requests to services that are killed, and noting what they acknowledge."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import httpx

_REPEATED = 0.1  # of what was answered
_MAY_BE_REFUSED = (429, 503)
_PAUSE = 0.1  # seconds after a refusal


@dataclass
class Ledger:
    """What was acknowledged, by the id that the client gave it; and what went otherwise."""

    visits: dict[str, int] = field(default_factory=dict)  # -> the count in the answer
    beats: dict[int, str] = field(default_factory=dict)  # id -> event_time
    events: dict[str, str] = field(default_factory=dict)  # -> recorded_at
    sessions: dict[str, int] = field(default_factory=dict)  # name -> id
    uploads: dict[str, tuple[int, int]] = field(default_factory=dict)  # id -> file, its rows
    reports: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # by status, or "connection"
    wrong: list[str] = field(default_factory=list)

    def acknowledged(self) -> Counter[str]:
        """Return how many of each kind were acknowledged."""
        kinds = ("visits", "beats", "events", "sessions", "uploads", "reports")
        return Counter({kind: len(getattr(self, kind)) for kind in kinds})


class Caller:
    """One client: it sends one request after the other, to whichever service it meets."""

    def __init__(self, name: str, urls: Sequence[str], ledger: Ledger, seed: int) -> None:
        self.name = name
        self.ledger = ledger
        self.random = Random(f"{seed} {name}")
        self.user = ""
        self._urls = urls
        self._http = httpx.Client(timeout=60)

    def send_once(self, path: str, **content: Any) -> httpx.Response | None:
        """Return the answer; None if it was refused for now, or nobody knows what came of it."""
        try:
            answer = self._http.post(self.random.choice(self._urls) + path, **content)
        except httpx.TransportError:
            self.ledger.refused["connection"] += 1
        else:
            if answer.is_success:
                return answer
            self.ledger.refused[str(answer.status_code)] += 1
            if answer.status_code not in _MAY_BE_REFUSED:
                self.ledger.wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        time.sleep(_PAUSE)
        return None

    def send(self, path: str, **content: Any) -> Any:
        """Send until there is an answer; return its JSON."""
        while (answer := self.send_once(path, **content)) is None:
            pass
        return answer.json()

    def send_repeatedly(self, path: str, **content: Any) -> Any:
        """Do so with a request that has an id, sometimes again; note another answer as wrong."""
        answer = self.send(path, **content)
        if self.random.random() < _REPEATED and (again := self.send(path, **content)) != answer:
            self.ledger.wrong.append(f"{path}: {answer}, then {again}")
        return answer

    def sign_up(self) -> None:
        """Register a user, whose the following requests are."""
        answer = None
        while answer is None:  # a name that may be taken by now is not tried again
            self.user = f"{self.name}-{self.random.getrandbits(64):x}"
            account = {"username": self.user, "password": uuid4().hex}
            answer = self.send_once("/api/v1/user/register", json=account)
        token = answer.json()["user"]["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._http.close()
