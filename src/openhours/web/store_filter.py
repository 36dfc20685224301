"""The parameters of the page of stores: which stores, in what order, by which report."""

from collections.abc import Mapping
from typing import Annotated, Literal

import pytz
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.fields import Text
from openhours.stores.search import labels_of_query
from openhours.web.formatting import query_of
from openhours.web.forms import BLANK_IS_NONE
from openhours.web.store_figures import BINS, Search, Sort, State, Verdict
from openhours.web.windows import PageWindow

_MAX_MINUTES = 366 * 1440.0
# How a list begins that nobody has turned round.
_FIRST: Mapping[Sort, Literal["up", "down"]] = {"down": "down", "percent": "up", "id": "up"}


def _known_zone(name: str) -> str:
    if name and name not in pytz.all_timezones_set:
        raise ValueError("not a time zone, such as America/Denver")
    return name


def _known_bin(text: str) -> str:
    if text and text not in BINS:
        raise ValueError("not one of 0-5, 5-10, … 95-100 and 100")
    return text


class StoreFilter(BaseModel):
    """The parameters of the address. `report_id` "" is the latest report."""

    q: Annotated[Text, Field(max_length=64)] = ""
    report_id: Annotated[Text, Field(max_length=64)] = ""
    window: Annotated[Text, Field(max_length=64)] = ""
    feed: Literal["", "polled", "beating"] = ""
    timezone: Annotated[Text, AfterValidator(_known_zone)] = ""
    label: Annotated[list[Text], Field(max_length=100)] = []
    state: State = ""
    uptime: Annotated[str, AfterValidator(_known_bin)] = ""
    verdict: Verdict = ""
    over: Annotated[
        Annotated[float, Field(ge=0, le=_MAX_MINUTES, allow_inf_nan=False)] | None,
        BLANK_IS_NONE,
    ] = None
    sort: Sort = "down"
    order: Literal["", "up", "down"] = ""
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    format: Literal["", "csv", "xlsx"] = ""

    @property
    def is_descending(self) -> bool:
        """Return whether the list begins with the most."""
        return (self.order or _FIRST[self.sort]) == "down"

    @property
    def labels(self) -> list[str]:
        """Return the labels that are not blank."""
        return [text.strip() for text in self.label if text.strip()]

    @property
    def is_narrowed(self) -> bool:
        """Return whether some stores are left out, or may be."""
        narrowing = (self.feed, self.timezone, self.state, self.uptime, self.verdict)
        return any(narrowing) or bool(self.q.strip() or self.labels) or self.over is not None

    async def search(
        self, connection: AsyncConnection, window: PageWindow, default_timezone: str
    ) -> Search:
        """Return the search in a window. Raise Invalid for labels that no store has."""
        return Search(
            text=self.q.strip(),
            feed=self.feed,
            labels=await labels_of_query(connection, self.label),
            timezone=self.timezone,
            default_timezone=default_timezone,
            window=window.position,
            state=self.state,
            verdict=self.verdict,
            uptime=self.uptime,
            down_over=self.over,
            sort=self.sort,
            descending=self.is_descending,
        )

    def link(self, **changes: object) -> str:
        """Return the query of the same list, from its first page on, but for these changes."""
        values = self.model_dump(exclude={"page", "format", "over"}) | {"label": self.labels}
        values |= {"sort": "" if self.sort == "down" else self.sort}
        values |= {"over": "" if self.over is None else f"{self.over:g}"}
        return query_of(values | changes)
