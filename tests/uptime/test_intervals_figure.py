"""What docs/intervals.md shows is what the code gives."""

import json
from pathlib import Path

import pytest
from tools import fleets
from tools.intervals_figure import FIGURE, Example, example, gap_table, store_table, svg

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/intervals.md").read_text()
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store() -> Example:
    return example()


def test_the_figure_is_what_the_script_draws(store: Example) -> None:
    assert FIGURE.read_text() == svg(store)


def test_the_tables_are_what_the_code_gives(store: Example) -> None:
    assert f"```text\n{gap_table()}\n```" in PAGE
    assert f"```text\n{store_table(store)}\n```" in PAGE


def test_the_truth_of_the_store_is_in_its_intervals(store: Example) -> None:
    assert all(row.p05 <= row.truth <= row.p95 for row in store.rows)


def test_coverage_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks/results.json").read_text())["results"]
    rows = {}
    for result in measured:
        fleet, _, rest = result["what"].partition(": truth in the ")
        if fleet in fleets.FLEETS:
            each = rest.partition("by window: ")[2].removesuffix(")").split(", ")
            rows[fleet] = " | ".join([fleet, *each, f"{result['value']:.3f}"])
    assert rows.keys() == fleets.FLEETS.keys()
    for row in rows.values():
        assert f"| {row} |" in PAGE
