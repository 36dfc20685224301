"""The OpenAPI description that clients are promised: `make openapi` writes it."""

import json
from pathlib import Path
from typing import Any

from openhours.app import create_app

PROMISED = Path(__file__).parents[1] / "docs" / "openapi.json"


def description() -> dict[str, Any]:
    """Return the description, the same in each installation and at each time."""
    found: dict[str, Any] = json.loads(json.dumps(create_app().openapi()))
    found.pop("servers", None)  # where this installation is reached
    return found


def main() -> None:
    """Write the description."""
    PROMISED.write_text(json.dumps(description(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
