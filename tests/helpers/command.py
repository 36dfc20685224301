"""The `openhours` command, as typed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.service import Service
from tools.zygote import Forked, Zygote


def start_worker(folder: Path, **environment: str) -> Forked:
    """Start `openhours worker` in a folder, where its log is."""
    zygote, log = Service.zygote or Zygote(), folder / "workers.log"
    own = {**os.environ, **environment}
    return zygote.start(["worker"], own, folder, stdout=log, stderr=log)


def openhours(
    *arguments: str, cwd: Path | None = None, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder and return what it printed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given, said, errors = (folder / each for each in ("stdin", "stdout", "stderr"))
        given.write_text(stdin)
        where, own = cwd or Path.cwd(), {**os.environ, "COLUMNS": "200", **environment}
        if Service.zygote is not None:
            process = Service.zygote.start(
                list(arguments), own, where, stdin=given, stdout=said, stderr=errors
            )
            code = process.wait(120)
        else:
            with given.open() as to, said.open("w") as out, errors.open("w") as err:
                code = subprocess.run(
                    [sys.executable, "-m", "openhours.cli", *arguments],
                    cwd=where,
                    env=own,
                    check=False,
                    stdin=to,
                    stdout=out,
                    stderr=err,
                    timeout=120,
                ).returncode
        return subprocess.CompletedProcess(arguments, code, said.read_text(), errors.read_text())
