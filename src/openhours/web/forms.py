"""Checking a form's fields by the model that checks the same fields of a JSON body."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from openhours.api.error_responses import readable_message
from openhours.errors import FieldProblem, Invalid

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], values: Mapping[str, object], fields: Mapping[str, str] | None = None
) -> Model:
    """Return the model with these values; raise Invalid, which names the form's fields.

    `fields` maps the model's names to those of the form where they differ.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(
            [
                FieldProblem(
                    ("body", *((fields or {}).get(str(part), part) for part in problem["loc"])),
                    readable_message(problem["msg"]),
                )
                for problem in error.errors()
            ]
        ) from None


def wrong_fields(refusal: Invalid | None) -> dict[str, str]:
    """Return what is wrong with each field of a form, for the page that shows it again.

    Paths are `body, field, …` or `field, …`.
    """
    return {
        str(problem.path[problem.path[0] == "body"]): problem.message
        for problem in reversed(refusal.problems if refusal else ())
    }
