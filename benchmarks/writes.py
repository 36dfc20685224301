"""B9 and B10: durable writes against a route that does nothing, and grouped against single."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx

from benchmarks.measure import Result, in_turns
from benchmarks.place import Files, Place

_SECONDS = 4
_BODIES = {
    "/visit": '{"user_id": "u-17", "page_url": "/shop", "user_agent": "Mozilla/5.0"}',
    "/track": '{"pc": "joe-pc"}',
    "/api/event": '{"user_id": 6, "event_action_timestamp": "2025-10-10T18:30:00Z",'
    ' "action": "deleted", "metadata": {"document": 17}}',
}


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """The yardsticks of the writing routes, by wrk over 64 connections."""
    del files
    service = place.service(place.database())
    command = [sys.executable, "-m", "uvicorn", "benchmarks.noop:app", "--no-access-log"]
    options = ["--port", str(service.port), "--log-level", "warning"]
    server = subprocess.Popen([*command, *options], env=service.environment)
    try:
        _wait(service.url)
        for route, body in _BODIES.items():
            script = place.folder / "body.lua"
            script.write_text(
                f"wrk.method='POST'\nwrk.body={body!r}\n"
                "wrk.headers['Content-Type']='application/json'\n"
            )
            ours, noop, single = in_turns(
                rounds,
                *(
                    partial(_throughput, script, service.url + prefix + route)
                    for prefix in ("", "/noop", "/single")
                ),
            )
            what = f"durable POST {route} / a route that does nothing"
            yield Result("B9", what, ours, noop, ours / noop, 0.5, 0.7, "/s", True)
            what = f"POST {route} in groups / one commit a request"
            yield Result("B10", what, ours, single, ours / single, 1, 1, "/s", True)
    finally:
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _throughput(script: Path, url: str) -> float:
    """Requests a second; any answer that is no success is an error."""
    command = ["wrk", "-t1", "-c64", f"-d{_SECONDS}s", "-s", str(script), url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text:
        raise RuntimeError(f"{url}\n{text}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert found is not None
    return float(found.group(1))
