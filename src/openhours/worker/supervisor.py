"""The worker process beside a server: started with it, restarted when it dies, ended with it."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

log = logging.getLogger(__name__)

_GRACE = 10.0
_MAX_PAUSE = 30.0
_HEALTHY_AFTER = 30.0


class WorkerProcess:
    """A supervised `openhours worker` on the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def supervise(self) -> None:
        """Keep a worker running until cancelled."""
        loop = asyncio.get_running_loop()
        pause = 0.5
        while True:
            process = await self._start()
            began = loop.time()
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                raise
            pause = 0.5 if loop.time() - began > _HEALTHY_AFTER else min(pause * 2, _MAX_PAUSE)
            log.error("the worker ended with code %s; a new one starts in %.1f s", code, pause)
            await asyncio.sleep(pause)

    async def _start(self) -> Process:
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
            env={**os.environ, "DATABASE_URL": self._url, "PYTHONPATH": _import_path()},
        )


def _import_path() -> str:
    """Return where this process imports from, as PYTHONPATH.

    The package may only lie beside the file that was served (`fastapi dev src/main.py`, `uvicorn
    --app-dir src`): then no new interpreter would find it.
    """
    return os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            process.kill()  # its job is taken over by another worker
            await process.wait()
