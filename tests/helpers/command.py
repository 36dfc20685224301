"""The `openhours` command, as typed."""

import os
import subprocess
import sys
from pathlib import Path


def openhours(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "openhours.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
