"""The palette of charts, as the style sheets declare it, is told apart by everyone and in print."""

import re
from itertools import combinations

import pytest
from fastapi.testclient import TestClient

from openhours.web.render import HERE
from tests.helpers.colours import Linear, View, contrast, declared, difference
from tests.helpers.html import get_page

STYLE = (HERE / "static" / "style.css").read_text()
CHARTS = (HERE / "static" / "charts.css").read_text()
LIGHT, DARK = (declared(block) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL))
VIEWS: tuple[View, ...] = ("all colours", "deuteranopia", "protanopia", "grey")
# Behind what a chart draws: cards, and in a store's week open and closed time.
BACKGROUNDS = ("card", "open", "night")

themes = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def test_both_themes_declare_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys() > {"up", "partly", "down", "on", "off", "none", *BACKGROUNDS}


@themes
def test_up_and_down_have_the_contrast_of_graphics_and_so_do_on_and_off(
    theme: dict[str, Linear],
) -> None:
    assert contrast(theme["up"], theme["down"]) >= 3
    assert contrast(theme["on"], theme["off"]) >= 3


@themes
@pytest.mark.parametrize("view", VIEWS)
def test_states_differ_in_every_view(theme: dict[str, Linear], view: View) -> None:
    for one, other in combinations(("up", "partly", "down", "none"), 2):
        assert difference(theme[one], theme[other], view) >= 12, (one, other)
        assert contrast(theme[one], theme[other]) >= 1.5, (one, other)


@themes
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("state", ["up", "partly", "down", "on", "off"])
def test_states_stand_out_from_what_is_behind_them(
    theme: dict[str, Linear], view: View, state: str
) -> None:
    assert state == "off" or contrast(theme[state], theme["card"]) >= 3
    for behind in BACKGROUNDS:
        assert difference(theme[state], theme[behind], view) >= 20, behind
        assert contrast(theme[state], theme[behind]) >= (1.7 if state == "off" else 2.6), behind


@themes
def test_the_ruled_lines_of_an_estimate_and_the_dots_of_no_data_can_be_seen(
    theme: dict[str, Linear],
) -> None:
    for ink in ("up", "down", "soft"):
        assert contrast(theme[ink], theme["card"]) >= 3


@pytest.mark.parametrize(
    ("drawn", "pattern", "inks"),
    [
        (".filled.up", "up-estimated", {"gap", "up"}),
        (".filled.down", "down-estimated", {"gap", "down"}),
        (".unknown", "no-data", {"gap", "grain"}),
    ],
)
def test_what_is_estimated_or_unknown_has_a_pattern_on_every_page(
    empty: TestClient, drawn: str, pattern: str, inks: set[str]
) -> None:
    assert f"{drawn} {{ fill: url(#{pattern}); }}" in CHARTS
    shapes = get_page(empty, "/signin").all(f"svg pattern#{pattern} > *")
    assert {shape.attributes["class"] for shape in shapes} == inks
    assert ".gap { fill: var(--card); } .grain { fill: var(--soft); }" in CHARTS
