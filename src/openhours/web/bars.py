"""The bar that shows how much of its open time a store was up, and the line on it.

In Python, not in a template: a list has hundreds of them. The words beside them say the same.
"""

from markupsafe import Markup

_BAR = '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
_LINE = '<svg class="interval" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'


def uptime_bar(up: int, whole: int, known: bool) -> Markup:
    """Return the bar of a store that was up for a part of the whole; grey if nothing is known."""
    if not (known and whole):
        return Markup(f'{_BAR}<rect class="none" width="100" height="6"/></svg>')  # noqa: S704
    return Markup(  # noqa: S704  numbers alone
        f'{_BAR}<rect class="down" width="100" height="6"/>'
        f'<rect class="up" width="{100 * up / whole:.2f}" height="6"/></svg>'
    )


def uptime_line(low: float | None, high: float | None, whole: int) -> Markup:
    """Return the line from the lowest to the highest uptime that is likely; none if it is sure."""
    if low is None or high is None or not whole or low >= high:
        return Markup("")
    start, end = f"{100 * low / whole:.2f}", f"{100 * high / whole:.2f}"
    d = f"M{start} 2v10M{start} 7H{end}M{end} 2v10"
    return Markup(f'{_LINE}<path class="around" d="{d}"/><path class="whisker" d="{d}"/></svg>')  # noqa: S704
