"""The browser of the tests and of the pictures, and how it is started."""

import shutil

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
MISSING = "no Chromium on this machine: `apt-get install chromium` to test the pages"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
