"""Tables: what is downloaded of a report, in whatever format."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

# What a column holds. Figures are rounded to two decimals, NaN where they are empty.
Kind = Literal["text", "instant", "figure"]


class Heading(NamedTuple):
    """The names of a column: in JSON, and in a CSV's header, where a figure has its unit."""

    name: str
    title: str
    kind: Kind


def figure(name: str, unit: str | None) -> Heading:
    """Return the heading of a figure."""
    return Heading(name, name if unit is None else f"{name}({unit})", "figure")


@dataclass(frozen=True)
class Table:
    """Columns, and pages of rows, whose frames have these columns by their names.

    `rows` is how many there are in all pages.
    """

    headings: Sequence[Heading]
    rows: int
    pages: AsyncIterator[pd.DataFrame]


def texts(page: pd.DataFrame, heading: Heading) -> list[str]:
    """Return a column as text: instants in ISO 8601, "" where a figure is empty."""
    column = page[heading.name]
    if heading.kind == "figure":
        return ["" if value != value else f"{value:.2f}" for value in column.tolist()]  # noqa: PLR0124
    if heading.kind == "instant":
        instants = column.to_numpy("datetime64[us]")
        return list(np.datetime_as_string(instants, timezone="UTC"))
    values: list[Any] = column.tolist()
    return values
