"""`openhours users`: what an operator does to accounts."""

import pytest

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, register, running
from tests.helpers.command import openhours

pytestmark = pytest.mark.slow
NEW = "staple gun on Mars"


def test_users_are_listed_disabled_given_passwords_and_deleted(settings: Settings) -> None:
    with running(settings) as client:

        def log_in(password: str) -> int:
            body = {"username": "zoe", "password": password}
            return int(client.post("/api/v1/user/login", json=body).status_code)

        register(client, "zoe", timezone="Europe/Berlin")
        assert openhours("users", "disable", "ZOE").returncode == 0
        listed = openhours("users", "list").stdout.splitlines()
        assert listed[0].split() == ["username", "time", "zone", "created", "disabled"]
        assert listed[1].split()[:2] == ["zoe", "Europe/Berlin"]
        assert len(listed[1].split()) == 6, "created and disabled, a date and a time each"
        assert log_in(PASSWORD) == 403

        assert openhours("users", "enable", "zoe").returncode == 0
        assert openhours("users", "set-password", "zoe", stdin=f"{NEW}\n").returncode == 0
        assert (log_in(PASSWORD), log_in(NEW)) == (401, 200)
        weak = openhours("users", "set-password", "zoe", stdin="12345678\n")
        assert weak.returncode == 2
        assert "too common" in weak.stderr
        short = openhours("users", "set-password", "zoe", stdin="short\n")
        assert "use 8 to 1,024 characters" in short.stderr

        assert openhours("users", "delete", "zoe", stdin="n\n").returncode == 1
        assert log_in(NEW) == 200
        gone = openhours("users", "delete", "zoe", "--yes")
        assert gone.returncode == 0
        assert "delete user zoe who=" in gone.stderr
        assert log_in(NEW) == 401
        unknown = openhours("users", "disable", "zoe")
        assert "no user has the name zoe" in unknown.stderr
        assert unknown.returncode != 0
