"""Debian's PostgreSQL 15 as a hoster runs it: a role owns its database, and may do no more."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

import asyncpg

BINARIES = Path("/usr/lib/postgresql/15/bin")
MISSING = "no PostgreSQL 15 here: `apt-get install postgresql-15` to test with it"

# Other than what the embedded server has: its order of text, its time zone, its connections.
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
timezone = 'America/New_York'
datestyle = 'iso, dmy'
max_connections = 100
fsync = off
"""
_NEW_CLUSTER = [
    "--username=admin",
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=icu",
    "--icu-locale=en-US",
    "--no-sync",
]


class Cluster:
    """A server of its own below `folder`; `with` starts it, and stops it at the end."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        # PostgreSQL refuses to run as root; the package has brought a user.
        self._user = "postgres" if os.geteuid() == 0 else None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        folder.mkdir()
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._run("initdb", *_NEW_CLUSTER)
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION.format(port=self.port, folder=folder))
        self._admin = f"postgresql://admin@/postgres?host={folder}&port={self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", f"--log={self.log}")

    def stop(self, mode: str) -> None:
        """`fast` sends everybody away, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def new_database(self, rights: str = "") -> str:
        """The URL of a new database, for an ordinary role that owns it.

        With `rights` it owns nothing, and is granted them.
        """
        name, password = f"openhours_{secrets.token_hex(4)}", secrets.token_hex(8)
        self.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        owner = "" if rights else f"OWNER {name}"
        self.execute(f"CREATE DATABASE {name} {owner}")
        if rights:
            self.execute(f"GRANT {rights} ON DATABASE {name} TO {name}")
        return f"postgresql://{name}:{password}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        """Run a statement as the superuser."""

        async def run() -> None:
            connection = await asyncpg.connect(self._admin)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

    def _run(self, program: str, *arguments: str) -> None:
        # Not captured through a pipe: the server, which inherits it, would keep it open.
        with self.log.with_suffix(".commands").open("a+") as said:
            done = subprocess.run(
                [BINARIES / program, f"--pgdata={self.data}", *arguments],
                check=False,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            said.seek(0)
            assert done.returncode == 0, said.read()
