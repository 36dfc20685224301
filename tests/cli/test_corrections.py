"""`openhours corrections`, as typed."""

from pathlib import Path

import pytest

from openhours.settings import Settings
from tests.helpers.command import openhours
from tests.helpers.database import fetch
from tests.stores.database import add_stores

pytestmark = pytest.mark.slow

LOCAL = ("--from", "2022-10-30 02:30", "--to", "2022-10-31", "--timezone", "Europe/Berlin")
WHY = ("--treat-as", "up", "--category", "data_error", "--reason", "the poller was\x1b[2J down")


def make(place: Path, *options: str) -> tuple[int, str, str]:
    done = openhours("corrections", "make", *options, cwd=place)
    return done.returncode, done.stdout.strip(), done.stderr


def test_corrections_are_made_listed_and_revoked(
    settings: Settings, place: Path, database_url: str
) -> None:
    add_stores(settings, {"a": {"region": "west"}, "b": {"region": "east"}})
    _, of_all, said = make(place, "--all", *LOCAL, *WHY)
    assert "openhours.audit: correction made who=" in said
    assert r"all stores: data_error, the poller was\u001b[2J down" in said
    _, of_stores, _ = make(place, "--store", "b", "--store", "a", *LOCAL, *WHY)
    instants = ("--from", "2022-10-30T00:30:00Z", "--to", "2022-10-31T00:00+01:00")
    region = ("--label", "region=west", "--label", "region=east")
    _, labelled, _ = make(place, *region, *instants, *WHY)
    # 02:30 was twice on that day: it is the first of the two.
    same = "from_at = '2022-10-30 00:30Z' AND to_at = '2022-10-30 23:00Z'"
    assert fetch(database_url, f"SELECT count(*) FROM corrections WHERE {same}") == [(3,)]

    assert of_stores.isalnum(), "or it would be taken for an option"
    done = openhours("corrections", "revoke", of_stores, cwd=place)
    assert done.returncode == 0, done.stderr
    assert f'outcome="{of_stores}"' in done.stderr
    unknown = openhours("corrections", "revoke", "nothing", cwd=place)
    assert (unknown.returncode, "no correction has this id" in unknown.stderr) == (2, True)

    lines = openhours("corrections", "list", cwd=place).stdout.splitlines()
    assert lines[0::3] == [
        f"{one}  up, 2022-10-30 00:30 to 2022-10-30 23:00 UTC"
        for one in (labelled, of_stores, of_all)
    ]
    assert lines[1::3] == [
        rf"    {whose}: data_error, the poller was\x1b[2J down"
        for whose in ("region: west or east", "stores a, b", "all stores")
    ]
    assert ["REVOKED by" in line for line in lines[2::3]] == [False, True, False]
    local = openhours("corrections", "list", "--timezone", "Europe/Berlin", cwd=place).stdout
    assert "2022-10-30 02:30 to 2022-10-31 00:00 Europe/Berlin" in local


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--store, --label, --all: give exactly one of"),
        (("--all", "--store", "a"), "--store, --label, --all: give exactly one of"),
        (("--store", "nobody"), "--store: unknown store: nobody"),
        (("--label", "region"), "--label: not a label, such as region=west: 'region'"),
        (("--label", "region=x"), "--label: unknown label: region"),
        (("--all", "--to", "2022-10-30 02:30"), "--to: to must be after from"),
        (("--all", "--from", "yesterday"), "--from: not a time in ISO 8601"),
        (("--all", "--from", "1970-01-01"), "--from: not a local time since 2000"),
        (("--all", "--timezone", "Mars/Base"), "--timezone: 'Mars/Base' is not an IANA time zone"),
        (("--all", "--treat-as", "closed"), "--treat-as: choose 'excluded', 'up' or"),
        (("--all", "--category", "rain"), "--category: choose 'maintenance', 'holiday'"),
        (("--all", "--reason", ""), "--reason: must not be empty"),
    ],
)
def test_a_wrong_option_is_named(
    settings: Settings, place: Path, options: tuple[str, ...], message: str
) -> None:
    code, _, said = make(place, *LOCAL, *WHY, *options)
    assert (code, message in said) == (2, True), said


def test_a_local_time_needs_its_zone(settings: Settings, place: Path) -> None:
    code, _, said = make(place, "--all", *LOCAL[:4], *WHY)
    assert (code, "--from: a local time needs --timezone" in said) == (2, True), said
