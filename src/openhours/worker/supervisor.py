"""The worker process beside a server: started with it, restarted when it dies, ended with it."""

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path

from openhours.process_pool import can_fork
from openhours.worker.run import run_forked_worker

log = logging.getLogger(__name__)

_GRACE = 10.0
_MAX_PAUSE = 30.0
_HEALTHY_AFTER = 30.0


class WorkerProcess:
    """A supervised `openhours worker` on the database at `url`.

    It is forked from the process's fork server; where there is none, it is started as a command.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def supervise(self) -> None:
        """Keep a worker running until cancelled."""
        loop = asyncio.get_running_loop()
        pause = 0.5
        while True:
            process = _Forked(self._url) if can_fork() else await _start(self._url)
            began = loop.time()
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                raise
            pause = 0.5 if loop.time() - began > _HEALTHY_AFTER else min(pause * 2, _MAX_PAUSE)
            log.error("the worker ended with code %s; a new one starts in %.1f s", code, pause)
            await asyncio.sleep(pause)


class _Forked:
    """A worker that was forked, as far as it is like asyncio's `Process`."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=run_forked_worker, args=(url,))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> int | None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        if not can_fork():
            # The process that forked it is gone, and took its end for granted: it may live.
            assert self._process.pid is not None
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        return self.returncode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


async def _start(url: str) -> Process:
    # The worker holds the other end of its standard input: when this process dies, even by
    # kill -9, the worker reads the end of it and dies too.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # nothing but what the parent imports: not whatever lies in the working directory
        "-m",
        "openhours.cli",
        "worker",
        "--until-stdin-closes",
        stdin=asyncio.subprocess.PIPE,
        # Ctrl-C in a terminal is for this process, which ends the worker itself.
        start_new_session=True,
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": _import_path()},
    )


def _import_path() -> str:
    """Return where this process imports from, as PYTHONPATH.

    The package may only lie beside the file that was served (`fastapi dev src/main.py`, `uvicorn
    --app-dir src`): then no new interpreter would find it.
    """
    return os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)


async def _end(process: Process | _Forked) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            process.kill()  # its job is taken over by another worker
            await process.wait()
