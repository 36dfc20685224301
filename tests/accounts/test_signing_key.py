"""The secret: one for all processes that share the folder, and readable to nobody else."""

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from pydantic import SecretStr

from openhours.accounts.signing_key import signing_key
from openhours.settings import Settings


def test_processes_that_start_together_agree(place: Path) -> None:
    settings = Settings(data_dir=place / "home")
    with ProcessPoolExecutor(8, mp_context=get_context("fork")) as pool:
        found = set(pool.map(signing_key, [settings] * 16))
    assert len(found) == 1
    assert len(found.pop()) >= 43
    (file,) = (place / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_environment_goes_first(place: Path) -> None:
    given = Settings(data_dir=place / "home", secret=SecretStr("x" * 32))
    assert signing_key(given) == "x" * 32
    assert not (place / "home").exists()
