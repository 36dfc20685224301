"""Corrections and special hours as JSON."""

from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from openhours.api.fields import Text, check_text
from openhours.stores.labels import Labels
from openhours.stores.store_ids import EVERY, MAX_LENGTH
from openhours.stores.tables import Category, TreatAs
from openhours.times import Instant, LocalDate

MAX_STORES = 10_000
MAX_REASON = 500  # characters


class _Correction(BaseModel):
    from_at: Annotated[Instant, Field(alias="from", description="The first instant corrected.")]
    to_at: Annotated[
        Instant, Field(alias="to", description="The end, not corrected itself; may be ahead.")
    ]
    treat_as: Annotated[
        TreatAs,
        Field(
            description="`excluded`: the time is taken out of open time. `up`, `down`: open time "
            "counts as that."
        ),
    ]
    category: Category
    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_REASON),
        AfterValidator(check_text),
        Field(examples=["the point of sale was updated"]),
    ]


class NewCorrection(_Correction):
    """A correction to make: of exactly one of `store_ids`, `labels` and `all`."""

    model_config = ConfigDict(extra="forbid")

    store_ids: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=MAX_LENGTH)]] | None,
        Field(
            min_length=1,
            max_length=MAX_STORES,
            fail_fast=True,
            examples=[["8139926242460185114"]],
        ),
    ] = None
    labels: Annotated[
        Labels | None,
        Field(
            description="The stores that have, for every key, one of its values, at the time of "
            "each report."
        ),
    ] = None
    all: Annotated[bool, Field(strict=True, description="All stores and PCs.")] = False

    @field_validator("to_at")
    @classmethod
    def _ends_after_it_begins(cls, to_at: Instant, info: ValidationInfo) -> Instant:
        from_at = info.data.get("from_at")
        if from_at is not None and to_at <= from_at:
            raise ValueError("to must be after from")
        return to_at

    @model_validator(mode="after")
    def _names_its_stores_in_one_way(self) -> Self:
        if [self.store_ids is None, self.labels is None, not self.all].count(False) != 1:
            raise ValueError("give exactly one of store_ids, labels and all")
        return self


class CorrectionInfo(_Correction):
    """A correction. Of `store_ids` and `labels` one is null; if `all` is true, both."""

    correction_id: Annotated[str, Field(examples=["2fLRb9xhT0mrwV6sX3n8cQ"])]
    store_ids: list[str] | None
    labels: Labels | None
    all: bool
    made_at: Instant
    made_by: Annotated[
        str,
        Field(
            description="The name of the API key or user, or of the operating system's user who "
            "ran the command; `local` while there is no key.",
            examples=["night job"],
        ),
    ]
    revoked_at: Instant | None
    revoked_by: str | None


Spans = Annotated[
    list[Annotated[Text, Field(max_length=40)]],
    Field(
        max_length=20,
        fail_fast=True,
        description="Opening and closing in local time; `22:00-06:00` ends on the next day. An "
        "empty list: closed.",
        examples=[["09:00-12:00"]],
    ),
]


class NewSpecialHours(BaseModel):
    """Special hours to set."""

    model_config = ConfigDict(extra="forbid")

    hours: Spans


class SpecialHoursInfo(BaseModel):
    """Special hours of a store: they replace those that would begin on that date."""

    store_id: Annotated[
        Text,
        Field(
            description="`*`: every polled store without special hours of its own for the date.",
            examples=[EVERY],
        ),
    ]
    date: LocalDate
    hours: Spans
