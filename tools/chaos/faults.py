"""Killing processes of running services at random, and starting the services again."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import psutil
from tools.chaos.caller import Ledger
from tools.service import Service, children_of, workers_of

from openhours.db import postmaster

# Mostly a fault waits until so much was acknowledged since the last one: what does not work again
# cannot be hit at work. The rest hit what is starting.
_WAITING, _ACKNOWLEDGED, _PATIENCE = 0.7, 20, 60.0
_LONGEST_PAUSE = 2.0  # seconds
QUERY_TIMEOUT = 2  # seconds, of the services
# Longer than a query may take; longer than a worker may be silent without losing its jobs.
_STALL, _FREEZE = 6.0, 8.0


class Faults:
    """Faults of services that share the embedded PostgreSQL below `home`; `done` counts them."""

    def __init__(self, services: Sequence[Service], home: Path, ledger: Ledger, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._ledger = ledger
        self._services = services
        self._database = home / "postgresql"
        self._random = Random(seed)

    def kill(self) -> None:
        """After a random moment kill what is chosen at random; start servers that are gone."""
        if self._random.random() < _WAITING:
            self._wait_for_work()
        time.sleep(self._random.uniform(0, _LONGEST_PAUSE))
        killed = False
        while not killed:
            kind, targets = self._choose(self._random.choice(self._services))
            killed = _do(psutil.Process.kill, targets)
        psutil.wait_procs(targets, timeout=10)
        self.done[kind] += 1
        self.restart()

    def _wait_for_work(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        enough = self._ledger.acknowledged().total() + _ACKNOWLEDGED
        while self._ledger.acknowledged().total() < enough and time.monotonic() < deadline:
            time.sleep(0.02)

    def _choose(self, service: Service) -> tuple[str, list[psutil.Process]]:
        """Return a kind and its processes; rather one that was seldom chosen.

        Servers are there more often than what they start.
        """
        kinds = {
            "server": _server(service),
            "worker": _worker(service),
            "child of a worker": self._one_of(_working(service)),
            "fork server": self._one_of(_fork_servers(service)),
            "postmaster": self._postmaster(),
            "process of PostgreSQL": self._one_of(self._backends()),
            "server and postmaster": _server(service) + self._postmaster(),
        }
        weights = [bool(targets) / (1 + self.done[kind]) ** 2 for kind, targets in kinds.items()]
        return self._random.choices(list(kinds.items()), weights)[0]

    def suspend(self) -> None:
        """Let the database stall, or freeze a worker until others may take its jobs."""
        service = self._random.choice(self._services)
        kind, targets, seconds = self._random.choice(
            [
                ("stalled database", self._postmaster() + self._backends(), _STALL),
                ("frozen worker", _worker(service) + _working(service), _FREEZE),
            ]
        )
        self.done[kind] += _do(psutil.Process.suspend, targets)
        time.sleep(seconds)
        _do(psutil.Process.resume, targets)

    def restart(self) -> None:
        """Start the servers that are gone, as an init system does."""
        for service in self._services:
            assert service.process is not None
            if service.process.poll() is not None:
                service.launch()

    def _one_of(self, processes: list[psutil.Process]) -> list[psutil.Process]:
        return self._random.sample(processes, min(1, len(processes)))

    def _postmaster(self) -> list[psutil.Process]:
        process = postmaster.live(self._database)
        return [] if process is None else [process]

    def _backends(self) -> list[psutil.Process]:
        return [child for process in self._postmaster() for child in _children(process)]


def _server(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    try:
        return [psutil.Process(service.process.pid)]
    except psutil.NoSuchProcess:
        return []


def _worker(service: Service) -> list[psutil.Process]:
    try:
        return workers_of(service)
    except (psutil.Error, ProcessLookupError):
        return []


def _working(service: Service) -> list[psutil.Process]:
    try:
        return [child for worker in _worker(service) for child in children_of(worker)]
    except psutil.Error:
        return []


def _fork_servers(service: Service) -> list[psutil.Process]:
    """Return those from which a server's workers and their children are forked."""
    try:
        return [
            one
            for worker in _worker(service)
            for one in (worker.parent(), *worker.children())
            if one not in (None, *_server(service))
        ]
    except psutil.Error:
        return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [*process.children()]
    except psutil.Error:
        return []


def _do(act: Callable[[psutil.Process], None], processes: list[psutil.Process]) -> bool:
    """Do it to each of the processes; return whether any was there."""
    done = False
    for process in processes:
        try:
            act(process)
            done = True
        except psutil.NoSuchProcess:
            continue
    return done
