"""The parameter by which requests choose stores by their labels."""

from typing import Annotated

from fastapi import Query

from openhours.api.fields import Text

LabelQuery = Annotated[
    list[Text],
    Query(
        max_length=100,
        description="Only stores with this label, such as `region=west`; may be given several "
        "times: of one key any value will do, several keys must all match.",
    ),
]
