"""`python -m openhours.cli`: the `openhours` command where no script is installed."""

from openhours.cli.main import main

main()
