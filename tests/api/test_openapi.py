"""schemathesis over the whole OpenAPI description, against a real server with its worker."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.service import Service

pytestmark = pytest.mark.slow

SECONDS = 15
KEY = "a key for this test alone".replace(" ", "-")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.usefixtures("settings")
def test_every_route_keeps_to_its_description(place: Path) -> None:
    # With a key, so that the checks of who may do what find what they look for.
    with Service(place, OPENHOURS_ADMIN_KEY=KEY) as service:
        credentials = {"username": "ann", "password": "correct horse"}
        registered = service.client.post("/api/v1/user/register", json=credentials).json()
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                f"--config-file={CONFIGURATION}",
                "run",
                f"{service.url}/openapi.json",
                "--phases=examples,coverage,fuzzing",
                f"--max-time={SECONDS}",
                "--max-examples=20",
                "--seed=1",
                "--no-color",
                "--header",
                f"Authorization: Bearer {KEY}",
            ],
            env={**os.environ, "USER_TOKEN": registered["user"]["token"]},
            cwd=place,
            capture_output=True,
            text=True,
            timeout=4 * SECONDS,
            check=False,
        )
        assert run.returncode == 0, f"{run.stdout[-20_000:]}\n{service.log.read_text()[-5_000:]}"
        assert service.client.get("/health").status_code == 200
