"""Debian's nginx in front of a service, as an administrator configures it."""

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.helpers.waiting import wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
MISSING = "no nginx here: `apt-get install nginx-light` to test with it"

_CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


class Nginx:
    """Runs while it is used; `server` is the configuration's `server {…}` with `PORT` to fill."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._configuration = folder / "nginx.conf"
        text = server.replace("PORT", str(self.port))
        folder.mkdir()
        self._configuration.write_text(_CONFIGURATION.format(folder=folder, server=text))

    def __enter__(self) -> Self:
        assert NGINX is not None
        log = self._folder / "error.log"
        self._process = subprocess.Popen([NGINX, "-c", self._configuration, "-e", log])
        wait_for(self._listens, story=log.read_text)
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
