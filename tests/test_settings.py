"""Settings: `.env.example` names each of them, with its default."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from openhours.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"
_LINE = re.compile(r"#(?:OPENHOURS_)?([A-Z_]+)=(.*)")


def shown() -> dict[str, str]:
    """Return the settings of the example by the name of their field, as they are written."""
    found = map(_LINE.fullmatch, EXAMPLE.read_text().splitlines())
    return {match[1].lower(): match[2] for match in found if match}


def test_the_example_names_every_setting_and_no_other() -> None:
    assert shown().keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_example_shows_the_default_of_a_setting(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .env of the developer's
    field = Settings.model_fields[name]
    alias = field.validation_alias
    variable = "DATABASE_URL" if alias is not None else f"OPENHOURS_{name.upper()}"
    monkeypatch.setenv(variable, shown()[name])
    assert getattr(Settings(), name) == field.default


@pytest.mark.parametrize("target", ["-1", "100.01", "99.995", "99.5%", "nan", "high"])
def test_a_target_is_a_percentage_of_two_decimals_at_most(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setenv("OPENHOURS_TARGET", target)
    with pytest.raises(ValidationError, match="target"):
        Settings()
    monkeypatch.setenv("OPENHOURS_TARGET", "99.95")
    assert Settings().target == Decimal("99.95")
