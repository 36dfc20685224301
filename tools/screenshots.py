"""Pictures of the pages of a running openhours, light and dark, for looking at them.

python -m tools.screenshots http://127.0.0.1:8000 FOLDER [PATH …]

With OPENHOURS_USER and OPENHOURS_PASSWORD it signs in first, so that the timer can be seen.
"""

import os
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright
from tests.helpers.chromium import ARGS, CHROMIUM

PATHS = ["/", "/stores", "/reports", "/pcs", "/traffic", "/activity", "/timer", "/signin"]
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SIZES = {"wide": (1280, 860), "phone": (390, 844)}


def main(url: str, folder: Path, paths: list[str]) -> None:
    """Take each page in both themes and sizes; a file is named after its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        for scheme in SCHEMES:
            for size in SIZES:
                _take(browser, url, folder, paths, scheme, size)
        browser.close()


def _take(
    browser: Browser, url: str, folder: Path, paths: list[str], scheme: Scheme, size: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        timezone_id="America/Denver",
        base_url=url,
    )
    page = context.new_page()
    page.goto("/signin")  # from here on the server knows the zone
    if "OPENHOURS_USER" in os.environ:
        page.fill("#username", os.environ["OPENHOURS_USER"])
        page.fill("#password", os.environ["OPENHOURS_PASSWORD"])
        page.click("form:has(#username) button")
    for path in paths:
        page.goto(path)
        name = quote(path.strip("/") or "overview", safe="")[:40]
        page.screenshot(path=folder / f"{name}-{scheme}-{size}.png", full_page=size == "phone")
    context.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or PATHS)
