"""`openhours hours`, as typed: hours with a history, special hours, time zones."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from openhours.cli.main import app
from openhours.errors import OpenhoursError
from openhours.settings import Settings
from tests.helpers.command import openhours
from tests.stores.database import add_stores

pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.slow]
CHICAGO = "America/Chicago (the default)"


def said(*arguments: str) -> list[str]:
    """Run `openhours hours` in this process; return the lines that it printed."""
    done = CliRunner().invoke(app, ["hours", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def refused(*arguments: str) -> str:
    with pytest.raises(OpenhoursError) as error:
        said(*arguments)
    return str(error.value)


@pytest.mark.slow
def test_the_command_itself(place: Path) -> None:
    done = openhours(
        "hours", "set", "pc:joe", "mon-fri", "09:00-17:30", "sat", "22:00-6:00", cwd=place
    )
    assert done.stdout == f"pc:joe: mon-fri 09:00-17:30  sat 22:00-06:00, {CHICAGO}\n"
    missing = openhours("hours", "show", "nobody", cwd=place)
    assert (missing.returncode, "there is no store 'nobody'" in missing.stderr) == (2, True)


def test_hours_are_shown_with_the_dates_from_which_they_are_valid() -> None:
    assert said("set", "a", "mon-fri", "9:00-17:00") == [f"a: mon-fri 09:00-17:00, {CHICAGO}"]
    said("zone", "a", "Europe/Berlin")
    said("set", "a", "--valid-from", "2025-01-01", "closed")
    said("set", "a", "--valid-from", "2024-06-01", "daily", "9:00-20:00")
    history = ["  from 2024-06-01: mon-sun 09:00-20:00", "  from 2025-01-01: closed"]
    assert said("show", "a") == ["a: mon-fri 09:00-17:00, Europe/Berlin", *history]
    assert said("set", "a", "always") == ["a: always, Europe/Berlin", *history]
    # The first version holds for the time before it, too.
    assert said("remove", "a") == ["a: mon-sun 09:00-20:00, Europe/Berlin", *history]
    said("remove", "a", "--valid-from", "2024-06-01")
    assert said("remove", "a", "--valid-from", "2025-01-01") == ["a: always, Europe/Berlin"]
    assert refused("remove", "a") == "store 'a' has no hours that have always been valid"


def test_special_hours_are_set_listed_and_removed(settings: Settings) -> None:
    add_stores(settings, {"a": {}, "b\x1b[2J": {}})
    assert said("special", "set", "a", "2024-12-24", "14:00-16:00", "9:00-12:00") == [
        "2024-12-24  a  09:00-12:00 14:00-16:00"
    ]
    said("special", "set", "*", "2024-12-24", "closed")
    said("special", "set", "*", "2024-12-25", "Closed")
    said("special", "set", "b\x1b[2J", "2023-12-25", "22:00-6:00")
    assert said("special", "list") == [
        "2024-12-25  *  closed",
        "2024-12-24  a  09:00-12:00 14:00-16:00",
        "2024-12-24  *  closed",
        r"2023-12-25  b\x1b[2J  22:00-06:00",
    ]
    assert len(said("special", "list", "*")) == 2
    # Its own count before those of every store.
    assert said("show", "a") == [
        f"a: always, {CHICAGO}",
        "  on 2024-12-24: 09:00-12:00 14:00-16:00",
        "  on 2024-12-25: closed (every polled store)",
    ]
    assert said("special", "remove", "a", "2024-12-24") == []
    assert said("show", "a")[1] == "  on 2024-12-24: closed (every polled store)"
    assert refused("special", "remove", "a", "2024-12-24") == (
        "there are no special hours of 'a' on 2024-12-24"
    )


def test_those_of_every_store_are_none_of_a_pc() -> None:
    said("special", "set", "*", "2024-12-25", "closed")
    assert said("set", "pc:joe", "always")[1:] == ["  on 2024-12-25: closed (every polled store)"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "a", "9:00-17:00"), "'9:00-17:00' is not a day: write mon-fri 09:00-17:30"),
        (("set", "a", "--valid-from", "soon", "always"), "--valid-from: 'soon' is not a date"),
        (("remove", "8.1E+18"), "'8.1E+18' is not a store id"),
        (("special", "list", "nobody"), "unknown store: nobody"),
        (("special", "set", "nobody", "2024-12-25", "closed"), "unknown store: nobody"),
        (("special", "set", "*", "25.12.2024", "closed"), "'25.12.2024' is not a date between"),
        (("special", "set", "*", "2024-12-25", "9-17"), "'9-17' is not a time range"),
        (("special", "set", "*", "2024-12-25", "closed", "9:00-17:00"), "'closed' is not a time"),
        (("special", "remove", "*", "2024-02-30"), "'2024-02-30' is not a date between"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    arguments: tuple[str, ...], message: str
) -> None:
    assert refused(*arguments).startswith(message)
    assert said("special", "list") == []
