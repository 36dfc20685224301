"""Checking a form's fields by the model that checks the same fields of a JSON body.

A form that cannot be accepted is shown again: what was written is kept, and beside each wrong field
stands what is wrong with it (`fields.html`).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from openhours.errors import FieldProblem, Invalid, OpenhoursError, readable_message

Model = TypeVar("Model", bound=BaseModel)
# Of a field that may be left blank.
BLANK_IS_NONE = BeforeValidator(lambda value: None if value == "" else value)

# By the type of Pydantic's error: what a person understands.
_WORDS = {
    "string_too_short": "use {min_length} characters or more",
    "string_too_long": "use {max_length} characters or fewer",
    "literal_error": "choose {expected}",
    "dict_type": 'not a JSON object, such as {{"document": 17}}',
    "greater_than_equal": "too small, at least {ge}",
    "less_than": "too large, below {lt}",
}


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
                    _message(problem),
                )
                for problem in error.errors()
            ]
        ) from None


def _message(problem: Any) -> str:
    context = problem.get("ctx", {})
    if context.get("min_length") == 1:
        return "must not be empty"
    # What Pydantic checks after a validator of ours it calls a value with items.
    text = context.get("field_type") == "Value"
    words = _WORDS.get(f"string_{problem['type']}" if text else problem["type"])
    return readable_message(problem["msg"]) if words is None else words.format(**context)


def wrong_fields(refusal: OpenhoursError | None, prefix: str = "") -> dict[str, str]:
    """Return what is wrong with a refused form, by the ids of its fields: the prefix and the name.

    What is of no field has the prefix alone. Paths are `field, …`, also behind `body`, `query` or
    `path`.
    """
    if refusal is None:
        return {}
    if not isinstance(refusal, Invalid):
        return {prefix: str(refusal)}
    return {
        f"{prefix}{path[path[0] in ('body', 'query', 'path')]}": message
        for path, message in reversed(refusal.problems)
    }
