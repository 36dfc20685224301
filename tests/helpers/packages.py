"""Packages from PyPI that one test needs, in a folder of its own: nobody else gets them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, *packages: str) -> None:
    """Install packages, each with its version, without what they depend on."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--target", str(folder), *packages],
        check=True,
        timeout=120,
    )


def run_python(environment: Mapping[str, str], *arguments: str | Path, cwd: Path) -> str:
    """Return what this Python prints with these variables set besides."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
