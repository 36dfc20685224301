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
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from openhours.garbage import collect_seldom, leave_what_is_loaded

log = logging.getLogger(__name__)

R = TypeVar("R")

_CHILDREN_SEEN_EVERY = 1.0  # seconds
_LOOK_INTERVAL = 0.5  # seconds, after which work that nobody wants any more is given up


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


async def run_while(
    is_wanted: Callable[[], Awaitable[bool]], work: Coroutine[Any, Any, object]
) -> bool:
    """Run work to its end; cancel it once it is no longer wanted, or asking raises.

    Return whether it was done.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_INTERVAL))[0]:
            if not await is_wanted():
                return False
        await task
        return True
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Processes:
    """Children that take calls one at a time each; one that was killed is made anew.

    They are forked from a process that all of them share, and that has loaded what `preload` says:
    a child is there at once, and shares that memory.
    """

    def __init__(self, count: int) -> None:
        self.count = count or max(2, os.cpu_count() or 2)
        # A pool of one each: what ends a child ends nobody else's call.
        self._children: list[ProcessPoolExecutor | None] = [None] * self.count
        self._closed = False
        self._idle: asyncio.Queue[int] = asyncio.Queue()
        for number in range(self.count):
            self._idle.put_nowait(number)

    async def run(self, function: Callable[..., R], *args: object) -> R:
        """Return the result of a module-level function, computed in a child.

        Raise BrokenProcessPool when the child died. When this is cancelled the child is killed,
        whatever it does. The next call gets a new child.
        """
        number = await self._idle.get()
        try:
            child = self._child(number)
            future = _submit(child, function, *args)
            try:
                while not (await asyncio.wait({future}, timeout=_CHILDREN_SEEN_EVERY))[0]:
                    _break_if_it_died(child)
                return await future
            finally:
                future.cancel()
        except BrokenProcessPool:
            log.error("a child process died; making a new one")
            self._kill(number)
            raise
        except asyncio.CancelledError:
            self._kill(number)
            raise
        finally:
            self._idle.put_nowait(number)

    def _child(self, number: int) -> ProcessPoolExecutor:
        """Return a child, made if there is none. Raise BrokenProcessPool if none can be had."""
        if self._closed:
            raise BrokenProcessPool("this process ends")
        child = self._children[number]
        if child is None:
            child = self._children[number] = _make_child()
        return child

    def _kill(self, number: int) -> None:
        child, self._children[number] = self._children[number], None
        if child is not None:
            # `kill_workers` from Python 3.14 on. There are none once it is shut down.
            for process in list((child._processes or {}).values()):
                process.kill()
            child.shutdown(wait=False, cancel_futures=True)

    async def warm_up(self, function: Callable[[], object]) -> None:
        """Run `function` in every child now, so that the first report does not wait for imports."""
        await asyncio.gather(*(self.run(function) for _ in range(self.count)))

    def close(self) -> None:
        """Let the children end; wait for what they still do.

        The end of this process would wait, too, but that of a forked one closes the children's
        queues first: those that had not been told to end by then waited for ever.
        """
        self._closed = True
        children = [child for child in self._children if child is not None]
        for child in children:
            child.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.shutdown(wait=True)


def _make_child() -> ProcessPoolExecutor:
    """Return a pool of one. Raise BrokenProcessPool if there is no pipe or semaphore for it."""
    try:
        # A child forked from this process would share its connections and event loop.
        return ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("forkserver"),
            initializer=_start_child,
            initargs=(logging.getLogger().level,),
        )
    except OSError as error:
        raise BrokenProcessPool(f"no child can be made: {error}") from error


def _submit(
    child: ProcessPoolExecutor, function: Callable[..., R], *args: object
) -> asyncio.Future[R]:
    try:
        return asyncio.get_running_loop().run_in_executor(child, function, *args)
    except (OSError, EOFError) as error:
        # The process that is to fork the child dies at this moment.
        raise BrokenProcessPool("no child could be forked") from error


def _break_if_it_died(child: ProcessPoolExecutor) -> None:
    """Let the call fail if the child is dead.

    The pool notices it by itself, but for one that died in the middle of its answer: then it waits
    for the rest for ever, as long as anyone could write to that pipe.
    """
    processes = list((child._processes or {}).values())  # none once it is shut down
    if multiprocessing.connection.wait([process.sentinel for process in processes], timeout=0):
        # This process's own end of the pipe.
        child._result_queue._writer.close()  # type: ignore[attr-defined]


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
