"""Children of a worker that end: their own calls fail at once, and the next get new children."""

import asyncio
import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import NoReturn

import pytest

from openhours import process_pool
from openhours.process_pool import Processes
from tests.helpers.waiting import until

pytestmark = pytest.mark.slow


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_answering() -> None:
    """Write the beginning of an answer into the pool's pipe: 4 bytes that say 256, and one."""
    frame = sys._getframe()
    while "result_queue" not in frame.f_locals:
        assert frame.f_back is not None
        frame = frame.f_back
    os.write(frame.f_locals["result_queue"]._writer.fileno(), b"\0\0\1\0" + b"x")
    die()


def die_with_the_server() -> None:
    """Kill the process that forked this one, too."""
    os.kill(os.getppid(), signal.SIGKILL)
    die()


def ready() -> None:
    pass


def sleep(file: Path) -> None:
    file.write_text(str(os.getpid()))
    time.sleep(600)


@pytest.mark.parametrize("death", [die, die_while_answering, die_with_the_server])
@pytest.mark.parametrize("children", [1, 2])
def test_the_call_of_a_child_that_dies_fails_and_the_next_call_gets_a_new_one(
    children: int, death: Callable[[], None]
) -> None:
    async def use() -> None:
        processes = Processes(children)
        try:
            await processes.warm_up(ready)
            async with asyncio.timeout(60):
                with pytest.raises(BrokenProcessPool):
                    await processes.run(death)
                assert await answer_of(processes) == 1
        finally:
            processes.close()

    async def answer_of(processes: Processes) -> int:
        while True:
            # A process that is being killed is there for a moment, but forks nothing any more.
            with suppress(BrokenProcessPool):
                return await processes.run(abs, -1)

    asyncio.run(use())


def test_a_call_that_is_cancelled_ends_its_child_and_no_other(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one", "other")]

    async def use() -> None:
        processes = Processes(2)
        calls = [asyncio.create_task(processes.run(sleep, file)) for file in files]
        await until(lambda: all(file.exists() and file.read_text() for file in files))
        one, other = (Path("/proc") / file.read_text() for file in files)
        third = asyncio.create_task(processes.run(abs, -3))
        calls[0].cancel()
        assert await third == 3, "it waited for a child"
        await until(lambda: not one.exists())
        assert other.exists()
        assert not calls[1].done()
        calls[1].cancel()
        await asyncio.wait(calls)
        processes.close()

    asyncio.run(use())


def test_a_child_that_cannot_be_made_is_made_by_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **_more: object) -> NoReturn:
        raise OSError(errno.EMFILE, "too many open files")

    async def use() -> None:
        processes = Processes(1)
        with monkeypatch.context() as patch:
            patch.setattr(process_pool, "ProcessPoolExecutor", refuse)
            with pytest.raises(BrokenProcessPool, match="too many open files"):
                await processes.run(abs, -1)
        assert await processes.run(abs, -1) == 1
        processes.close()
        with pytest.raises(BrokenProcessPool, match="this process ends"):
            await processes.run(abs, -1)

    asyncio.run(use())


def test_a_fork_server_that_answers_nobody_breaks_the_pool_and_the_next_call_finds_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def use() -> None:
        other = Processes(1)
        processes = Processes(1)
        try:
            await other.warm_up(ready)  # the fork server runs
            with monkeypatch.context() as patch:
                nowhere = str(tmp_path / "nowhere")
                patch.setattr(forkserver._forkserver, "_forkserver_address", nowhere)
                with pytest.raises(BrokenProcessPool):
                    await processes.run(abs, -1)
            assert await processes.run(abs, -1) == 1
        finally:
            processes.close()
            other.close()

    asyncio.run(use())
