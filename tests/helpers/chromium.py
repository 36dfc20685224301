"""The browser of the tests and of the pictures, and how it is started."""

import shutil

# What people have; the benchmark times pages in it.
WHOLE_CHROMIUM = shutil.which("chromium")
# The shell draws the same with half of the CPU: tests take it where it is installed.
CHROMIUM = shutil.which("chromium-headless-shell") or WHOLE_CHROMIUM
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
