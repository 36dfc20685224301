"""Markdown documents as scripts: the commands that they show, and what they show as the answer.

A block marked `console` holds commands after `$ ` (lines that end in a backslash go on) and their
output; blocks marked `python`, `javascript` and `sql` are scripts. In an output `…` stands for any
text, and alone on a line for any lines; `^C` is Ctrl-C at that moment. A block that tests cannot
run has a line `<!-- not run: why -->` before it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
# Times, dates, decimals.
_MEASURED = re.compile(r"(\d+(?:[.:-]\d+)+)")


@dataclass
class Step:
    """A command of a document and the lines shown as its output; `line` is where it stands."""

    command: str
    line: int
    language: str = "console"
    shown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """A fenced block; `not_run` is the reason why tests leave it out."""

    language: str
    line: int
    text: str
    not_run: str | None


def blocks(document: Path) -> Iterator[Block]:
    """Yield a document's fenced blocks."""
    before, inside = "", None
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if inside is not None and line.strip() == "```":
            language, begins, reason, lines = inside
            yield Block(language, begins, "\n".join(lines), reason)
            inside = None
        elif inside is not None:
            inside[3].append(line)
        elif line.startswith("```"):
            reason = _NOT_RUN.fullmatch(before.strip())
            inside = (line[3:].strip(), number, reason[1] if reason else None, list[str]())
        before = line
    assert inside is None, f"{document.name}: a block does not end"


def steps(document: Path) -> list[Step]:
    """Return the commands of a document that tests run, in their order."""
    found: list[Step] = []
    for block in blocks(document):
        if block.not_run is not None:
            continue
        if block.language in ("python", "javascript", "sql"):
            found.append(Step(block.text, block.line, block.language))
        elif block.language == "console":
            found += _console(block)
    return found


def _console(block: Block) -> Iterator[Step]:
    step: Step | None = None
    more = False
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if more:
            assert step is not None
            step.command += f"\n{line}"
        elif line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(line[2:], number)
        else:
            assert step is not None, f"line {number} is the output of no command"
            step.shown.append(line)
            continue
        more = line.endswith("\\")
    if step is not None:
        yield step


def difference(shown: list[str], real: list[str]) -> str | None:
    """Return how a command's output differs from what is shown; None if it does not.

    Times and decimals may differ; JSON must have the same fields, of the same types.
    """
    if "…" in shown:
        pattern = "".join(r"(?:.*\n)*?" if line == "…" else f"{_pattern(line)}\n" for line in shown)
        fits = re.fullmatch(pattern, "".join(f"{line}\n" for line in real)) is not None
        return None if fits else f"does not fit:\n{pattern}"
    for one, other in zip_longest(shown, real):
        if one is None:
            return f"is not shown: {other}"
        if other is None:
            return f"is missing: {one}"
        problem = _line_difference(one, other)
        if problem is not None:
            return problem
    return None


def _line_difference(shown: str, real: str) -> str | None:
    if re.fullmatch(r"\d{3}", shown):  # a status code
        return None if shown == real else f"{shown} is really {real}"
    if re.fullmatch(r"[\w-]{20,}", shown):  # a key: another one each time
        return None if re.fullmatch(r"[\w-]{20,}", real) else f"{real} is not like {shown}"
    expected, found = _json(shown), _json(real)
    if expected is not None:
        if found is None:
            return f"is not JSON: {real}"
        return _json_difference(expected, found, "")
    return None if re.fullmatch(_pattern(shown), real) else f"{shown!r} is really {real!r}"


def _pattern(line: str) -> str:
    parts = (
        "".join(
            r"[\d.:-]+" if _MEASURED.fullmatch(piece) else re.escape(piece)
            for piece in _MEASURED.split(part)
        )
        for part in line.rstrip().split("…")
    )
    return ".*".join(parts) + " *"


def _json(line: str) -> Any:
    if not line.startswith(("{", "[")):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _json_difference(shown: Any, real: Any, place: str) -> str | None:
    if isinstance(shown, dict) and isinstance(real, dict):
        if shown.keys() != real.keys():
            return f"{place or 'the answer'} has {sorted(real)}, not {sorted(shown)}"
        pairs = [(shown[key], real[key], f"{place}.{key}") for key in shown]
    elif isinstance(shown, list) and isinstance(real, list):
        if len(shown) != len(real):
            return f"{place or 'the list'} has {len(real)} items, not {len(shown)}"
        pairs = [(*both, f"{place}[]") for both in zip(shown, real, strict=True)]
    elif isinstance(shown, str) and isinstance(real, str):
        # Words are what they are; ids, tokens and times are other ones each time.
        plain = re.fullmatch(r"[A-Za-z ]{1,20}", shown) is not None
        return f"{place} is {real!r}, not {shown!r}" if plain and shown != real else None
    else:
        numbers = isinstance(shown, int | float) and isinstance(real, int | float)
        same = type(shown) is type(real) or (numbers and not isinstance(shown, bool))
        return None if same else f"{place} is {real!r}, not {shown!r}"
    return next((found for one in pairs if (found := _json_difference(*one))), None)


def names(shown: list[str], real: list[str]) -> dict[str, str]:
    """Return what the document calls a thing (an id, a token, a key) and its real name."""
    found: dict[str, str] = {}
    for one, other in zip(shown, real, strict=False):
        expected, given = _json(one), _json(other)
        if expected is not None and given is not None:
            found |= dict(_names(expected, given))
        elif " " not in one + other and "," not in one + other and one != other:
            found[one] = other
    return found


def _names(shown: Any, real: Any) -> Iterator[tuple[str, str]]:
    if isinstance(shown, dict) and isinstance(real, dict):
        for key in shown.keys() & real.keys():
            yield from _names(shown[key], real[key])
    elif isinstance(shown, str) and isinstance(real, str) and len(shown) >= 12 and shown != real:
        yield shown, real
