"""Finding stores by a part of the id or the name, by feed and labels: for the API and the pages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Text, cast, func, literal, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from openhours.api.pagination import Page, fetch_page
from openhours.errors import FieldProblem, Invalid
from openhours.stores.label_texts import parse_labels
from openhours.stores.labels import NAME, check_labels, having
from openhours.stores.tables import Label, Store

# The special characters of LIKE.
_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

# What a store is called beside its id; null if it has no name.
STORE_NAME: ColumnElement[str | None] = (
    select(Label.value)
    .where(Label.store == Store.id, Label.key == NAME)
    .correlate(Store)
    .scalar_subquery()
    .label("name")
)
# All its labels, as an object.
STORE_LABELS: ColumnElement[dict[str, str]] = (
    select(
        func.coalesce(
            func.jsonb_object_agg(Label.key, Label.value), cast(literal("{}", Text), JSONB)
        )
    )
    .where(Label.store == Store.id)
    .correlate(Store)
    .scalar_subquery()
    .label("labels")
)
_COLUMNS: tuple[Any, ...] = (
    Store.store_id,
    Store.feed,
    Store.timezone,
    Store.first_observed_at,
    STORE_LABELS,
)


@dataclass(frozen=True)
class StoreSearch:
    """Which stores: `text` is a part of the id or the name; `labels` as in `stores.labels`."""

    text: str = ""
    feed: Literal["", "polled", "beating"] = ""
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on rows of `stores`."""
        condition: ColumnElement[bool] = true()
        if self.text:
            # The names once, not a look at those of each store.
            named = select(Label.store).where(Label.key == NAME, self._is_in(Label.value))
            condition &= self._is_in(Store.store_id) | Store.id.in_(named)
        if self.feed:
            condition &= Store.feed == self.feed
        return condition & having(self.labels)

    def _is_in(self, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """Return whether the text is a part of the column, in capital or small letters."""
        part = f"%{self.text.translate(_LIKE)}%"
        # Where there are no letters, as in most ids, ILIKE only takes twice as long.
        return column.ilike(part) if self.text.upper() != self.text.lower() else column.like(part)


async def list_stores(
    connection: AsyncConnection, search: StoreSearch, *, limit: int, cursor: str | None = None
) -> Page[Row[Any]]:
    """Return the stores that match, by id bytewise, with their labels."""
    query = select(*_COLUMNS).where(search.condition())
    return await fetch_page(connection, query, [Store.store_id], limit=limit, cursor=cursor)


async def names_of(connection: AsyncConnection, store_ids: Collection[str]) -> dict[str, str]:
    """Return what these stores are called, by id; those without a name are left out."""
    query = (
        select(Store.store_id, Label.value)
        .join_from(Store, Label, Label.store == Store.id)
        .where(Store.store_id == func.any(list(store_ids)), Label.key == NAME)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def labels_of_query(
    connection: AsyncConnection, texts: Sequence[str]
) -> dict[str, list[str]]:
    """Return the labels that a request's parameters `label=region=west` name; empty ones are none.

    Raise Invalid, also for labels and values that no store has.
    """
    try:
        labels = parse_labels(filter(str.strip, texts))
        await check_labels(connection, labels)
    except Invalid as error:
        raise Invalid(
            [FieldProblem(("query", "label"), problem.message) for problem in error.problems]
        ) from None
    return labels
