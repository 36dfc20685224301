"""`openhours agent`: check its options, then run, or print a service unit."""

import sqlite3
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import typer

from openhours.agent import loop
from openhours.agent.beat_queue import InUse
from openhours.agent.names import MAX_LENGTH, is_name
from openhours.remote import read_key, server_url

_UNIT = """\
# 1. Save this as ~/.config/systemd/user/openhours-agent.service
# 2. If the server wants a key: a line OPENHOURS_KEY=... in ~/.config/openhours/agent.env (mode 600)
# 3. systemctl --user daemon-reload && systemctl --user enable --now openhours-agent
# 4. To beat from boot on, before anyone logs in: sudo loginctl enable-linger "$USER"
[Unit]
Description=openhours agent: heartbeats of {name}

[Service]
ExecStart={command}
EnvironmentFile=-%h/.config/openhours/agent.env
Restart=always
RestartSec=10
# A wrong option will not get better.
RestartPreventExitStatus=2

[Install]
WantedBy=default.target
"""


class WrongOption(Exception):
    """An option cannot be used; the message says why."""


class CannotRun(Exception):
    """The options are right, but the agent cannot run; the message says why."""


def run(server: str, name: str, every: float, queue: Path | None, print_service: bool) -> None:
    """Run the agent until it is told to stop, or print the unit. Raise WrongOption, CannotRun."""
    try:
        url = server_url(server)
    except ValueError as error:
        raise WrongOption(f"--server: {error}") from None
    if not is_name(name):
        raise WrongOption(f"--name: 1 to {MAX_LENGTH} characters, none of them a control character")
    if print_service:
        typer.echo(service_unit(server, name, every, queue), nl=False)
        return
    try:
        key = read_key()
    except ValueError as error:
        raise WrongOption(str(error)) from None
    try:
        loop.run(url, name, every, queue, key, _say)
    except InUse as error:
        raise CannotRun(str(error)) from None
    except (sqlite3.Error, OSError) as error:
        where = queue or loop.state_folder()
        raise CannotRun(f"the queue in {where} cannot be used: {error}") from None


def service_unit(server: str, name: str, every: float, queue: Path | None) -> str:
    """Return a systemd user unit that runs this installation's agent."""
    command = [sys.executable, "-m", "openhours.cli", "agent"]
    command += ["--server", server, "--name", name, "--every", f"{every:g}"]
    if queue is not None:
        command += ["--queue", str(queue.absolute())]
    return _UNIT.format(name=name.replace("%", "%%"), command=_quoted(command))


def _quoted(command: Sequence[str]) -> str:
    """Return words as systemd reads them, see "Command lines" in systemd.service(5)."""
    escaped = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"}
    return " ".join(
        '"' + "".join(escaped.get(letter, letter) for letter in word) + '"' for word in command
    )


def _say(text: str) -> None:
    typer.echo(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {text}")
    sys.stdout.flush()
