"""What is installed is pinned with its hashes, and within the ranges of pyproject.toml."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
USERS, DEVELOPERS = TOP / "requirements.txt", TOP / "requirements-dev.txt"
BENCHMARKS = TOP / "requirements-bench.txt"  # installed into the same place as DEVELOPERS
_PIN = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?==(\S+)(?: ; .+)?((?: --hash=sha256:[0-9a-f]{64})+)")


def pins(file: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the version and extras of each package; AssertionError for a line without hashes."""
    found = dict[str, tuple[str, frozenset[str]]]()
    for line in re.sub(r" \\\n *", " ", file.read_text()).splitlines():
        if line.startswith("#"):
            continue
        pin = _PIN.fullmatch(line)
        assert pin, line
        extras = frozenset((pin[2] or "").split(",")) - {""}
        found[canonicalize_name(pin[1])] = pin[3], extras
    return found


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        (USERS, ["server"]),
        (DEVELOPERS, ["server", "cluster", "test", "lint"]),
        (BENCHMARKS, ["bench"]),
    ],
)
def test_all_that_is_asked_for_is_pinned_within_its_range(file: Path, extras: list[str]) -> None:
    pinned = pins(file)
    for text in (*PROJECT["dependencies"], *(one for extra in extras for one in EXTRAS[extra])):
        wanted = Requirement(text)
        if wanted.name != "openhours":
            version, _ = pinned[canonicalize_name(wanted.name)]
            assert version in wanted.specifier, text


@pytest.mark.parametrize("file", [USERS, DEVELOPERS, BENCHMARKS])
def test_what_a_package_wants_with_an_extra_is_pinned_with_it(file: Path) -> None:
    """Else pip takes the newest version of it, which has no hash here, and refuses to install."""
    pinned = pins(file)
    for name in pinned:
        try:
            texts = requires(name) or []
        except PackageNotFoundError:  # for another system
            continue
        for wanted in map(Requirement, texts):
            of = canonicalize_name(wanted.name)
            if of in pinned and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                assert wanted.extras <= pinned[of][1], f"{name} wants {wanted}"


def test_developers_have_what_users_have() -> None:
    assert pins(USERS).items() <= pins(DEVELOPERS).items()


def test_benchmarks_change_no_version_that_developers_have() -> None:
    tests = pins(DEVELOPERS)
    both = tests.keys() & pins(BENCHMARKS).keys()
    assert {name: tests[name] for name in both} == {name: pins(BENCHMARKS)[name] for name in both}
