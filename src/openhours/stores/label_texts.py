"""Labels as people write them: `region=west`. The command line needs it without the server."""

from collections.abc import Iterable

from openhours.errors import invalid


def parse_labels(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the labels that texts such as `region=west` name; raise Invalid, with path `labels`.

    Several values of a key mean any of them.
    """
    labels: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals and value):
            raise invalid(f"not a label, such as region=west: {text!r}", "labels")
        labels.setdefault(key, []).append(value)
    return labels
