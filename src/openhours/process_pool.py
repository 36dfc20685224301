"""Warm child processes for work that would block the event loop."""

import asyncio
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from openhours.garbage import collect_seldom, leave_what_is_loaded

log = logging.getLogger(__name__)

R = TypeVar("R")

_CHILDREN_SEEN_EVERY = 1.0  # seconds


def preload(*functions: Callable[..., object]) -> None:
    """Load what these functions need once for all children; before the first child."""
    multiprocessing.set_forkserver_preload([function.__module__ for function in functions])


def fork_server() -> None:
    """Fork the process from which all children are forked: it has loaded what this one has.

    Without this, and when that process was killed, multiprocessing starts an interpreter that loads
    what `preload` says, for a second. Call it before there is a thread, a connection or an event
    loop: they would be in each child.
    """
    if sys.version_info >= (3, 14):
        return  # what is told to its fork server has changed
    leave_what_is_loaded()
    resource_tracker.ensure_running()
    with socket.socket(socket.AF_UNIX) as listener:
        address = multiprocessing.connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
        listener.bind(address)
        Path(address).chmod(0o600)
        listener.listen()
        # All that ask it hold the other end: it ends with the last of them.
        alive, held = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(held)
            _be_fork_server(listener.detach(), alive)
        os.close(alive)
    server: Any = forkserver._forkserver
    server._forkserver_address, server._forkserver_alive_fd = address, held
    server._forkserver_pid = pid


def can_fork() -> bool:
    """Return whether `fork_server` was called here and its process lives."""
    pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if pid is None:
        return False
    # As multiprocessing looks before it asks; the one that reaps the dead forgets it, too.
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return ended is None


def _be_fork_server(listener: int, alive: int) -> NoReturn:
    code = 1
    try:
        forkserver.main(listener, alive, [])
    except SystemExit:
        code = 0
    finally:
        os._exit(code)


class Processes:
    """A pool of processes that is made anew when one of them was killed.

    They are forked from a process that all pools share, and that has loaded what `preload` says:
    a child is there at once, and shares that memory.
    """

    def __init__(self, count: int) -> None:
        self.count = count or max(2, os.cpu_count() or 2)
        self._executor = self._make()

    async def run(self, function: Callable[..., R], *args: object) -> R:
        """Return the result of a module-level function, computed in a child.

        Raise BrokenProcessPool when a child died; the next call gets new children.
        """
        executor = self._executor
        try:
            future = _submit(executor, function, *args)
            try:
                while not (await asyncio.wait({future}, timeout=_CHILDREN_SEEN_EVERY))[0]:
                    _break_if_a_child_died(executor)
                return await future
            finally:
                future.cancel()
        except BrokenProcessPool:
            if self._executor is executor:
                log.error("a child process died; making new ones")
                self._executor = self._make()
            raise

    async def warm_up(self, function: Callable[[float], object]) -> None:
        """Run `function` in every child now, so that the first report does not wait for imports."""
        # It sleeps a moment: a child that is done at once would be given the next call, too.
        await asyncio.gather(*(self.run(function, 0.2) for _ in range(self.count)))

    def kill(self) -> None:
        """End all children at once, whatever they do; the next call gets new ones.

        What they ran raises BrokenProcessPool.
        """
        executor, self._executor = self._executor, self._make()
        for child in list(executor._processes.values()):  # `kill_workers` from Python 3.14 on
            child.kill()
        executor.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Let the children end; wait for what they still do.

        The end of this process would wait, too, but that of a forked one closes the children's
        queue first: those that had not been told to end by then waited for ever.
        """
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _make(self) -> ProcessPoolExecutor:
        # A child forked from this process would share its connections and event loop.
        return ProcessPoolExecutor(
            self.count,
            mp_context=multiprocessing.get_context("forkserver"),
            initializer=_start_child,
            initargs=(logging.getLogger().level,),
        )


def _submit(
    executor: ProcessPoolExecutor, function: Callable[..., R], *args: object
) -> asyncio.Future[R]:
    try:
        return asyncio.get_running_loop().run_in_executor(executor, function, *args)
    except (OSError, EOFError) as error:
        # The process that is to fork the child dies at this moment.
        raise BrokenProcessPool("no child could be forked") from error


def _break_if_a_child_died(executor: ProcessPoolExecutor) -> None:
    """Let all calls of the pool fail if one of its children is dead.

    The pool notices it by itself, but for one that died in the middle of its answer: then it waits
    for the rest for ever, as long as anyone could write to that pipe.
    """
    children = list((executor._processes or {}).values())  # none once it is shut down
    if multiprocessing.connection.wait([child.sentinel for child in children], timeout=0):
        for child in children:
            child.kill()
        # This process's own end of the pipe.
        executor._result_queue._writer.close()  # type: ignore[attr-defined]


def _start_child(log_level: int) -> None:
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    if hasattr(os, "nice"):
        os.nice(5)  # answering requests goes before computing
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)  # the parent was killed; nobody waits for this work any more
