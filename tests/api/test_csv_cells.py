"""Cells that a spreadsheet would take for a formula."""

import pytest

from openhours.api.csv_cells import inert_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_begins_as_formulas_do_gets_an_apostrophe(text: str) -> None:
    assert inert_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a=1", "8139926242460185114", "'=1", " =1", "1-2"])
def test_all_other_text_stays_as_it_is(text: str) -> None:
    assert inert_cell(text) == text
