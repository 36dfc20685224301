"""Options that several commands have."""

from typing import Annotated

import typer

Stores = Annotated[
    list[str] | None, typer.Option(help="Only this store; may be given several times.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        help="Only stores with this label, e.g. region=west; may be given several times: of "
        "one key any value will do, several keys must all match.",
        metavar="KEY=VALUE",
    ),
]
