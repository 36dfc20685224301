"""Cells of CSV files that people open in a spreadsheet."""

# A spreadsheet takes what begins so for a formula, and may run a program that it names.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def inert_cell(text: str) -> str:
    """Return text for a cell; with an apostrophe before it if it begins as formulas do."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text
