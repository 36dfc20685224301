"""`openhours users`: what an operator does to accounts."""

import os
import subprocess
import sys

import pytest

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, register, running

pytestmark = pytest.mark.slow
NEW = "staple gun on Mars"


def openhours(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openhours.cli", "users", *arguments],
        input=stdin,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_users_are_listed_disabled_given_passwords_and_deleted(settings: Settings) -> None:
    with running(settings) as client:

        def log_in(password: str) -> int:
            body = {"username": "zoe", "password": password}
            return int(client.post("/api/v1/user/login", json=body).status_code)

        register(client, "zoe", timezone="Europe/Berlin")
        assert openhours("disable", "ZOE").returncode == 0
        listed = openhours("list").stdout.splitlines()
        assert listed[0].split() == ["username", "time", "zone", "created", "disabled"]
        assert listed[1].split()[:2] == ["zoe", "Europe/Berlin"]
        assert len(listed[1].split()) == 6, "created and disabled, a date and a time each"
        assert log_in(PASSWORD) == 403

        assert openhours("enable", "zoe").returncode == 0
        assert openhours("set-password", "zoe", stdin=f"{NEW}\n").returncode == 0
        assert (log_in(PASSWORD), log_in(NEW)) == (401, 200)
        weak = openhours("set-password", "zoe", stdin="12345678\n")
        assert weak.returncode == 2
        assert "too common" in weak.stderr
        short = openhours("set-password", "zoe", stdin="short\n")
        assert "use 8 to 1,024 characters" in short.stderr

        assert openhours("delete", "zoe", stdin="n\n").returncode == 1
        assert log_in(NEW) == 200
        gone = openhours("delete", "zoe", "--yes")
        assert gone.returncode == 0
        assert "delete user zoe who=" in gone.stderr
        assert log_in(NEW) == 401
        unknown = openhours("disable", "zoe")
        assert "no user has the name zoe" in unknown.stderr
        assert unknown.returncode != 0
