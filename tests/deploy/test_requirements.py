"""What is installed is pinned with its hashes, and within the ranges of pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
USERS, DEVELOPERS = TOP / "requirements.txt", TOP / "requirements-dev.txt"
_PIN = re.compile(r"([\w.-]+)==(\S+)(?: ; .+)?((?: --hash=sha256:[0-9a-f]{64})+)")


def pins(file: Path) -> dict[str, str]:
    """Return the version of each package; AssertionError for a line without hashes."""
    found = dict[str, str]()
    for line in re.sub(r" \\\n *", " ", file.read_text()).splitlines():
        if line.startswith("#"):
            continue
        pin = _PIN.fullmatch(line)
        assert pin, line
        found[canonicalize_name(pin[1])] = pin[2]
    return found


@pytest.mark.parametrize(
    ("file", "extras"), [(USERS, ["server"]), (DEVELOPERS, ["server", "cluster", "test", "lint"])]
)
def test_all_that_is_asked_for_is_pinned_within_its_range(file: Path, extras: list[str]) -> None:
    pinned = pins(file)
    for text in (*PROJECT["dependencies"], *(one for extra in extras for one in EXTRAS[extra])):
        wanted = Requirement(text)
        if wanted.name != "openhours":
            assert pinned[canonicalize_name(wanted.name)] in wanted.specifier, text


def test_developers_have_what_users_have() -> None:
    assert pins(USERS).items() <= pins(DEVELOPERS).items()
