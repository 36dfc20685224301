"""Colours as people see them: contrast by WCAG 2, and how far two are apart in CIELAB.

Dichromats' views by Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
"""

import math
import re
from typing import Literal

View = Literal["all colours", "deuteranopia", "protanopia", "grey"]
Linear = tuple[float, float, float]

_LUMINANCE = (0.2126, 0.7152, 0.0722)
_VIEWS = {
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "grey": (_LUMINANCE, _LUMINANCE, _LUMINANCE),
}
# To CIE XYZ, each row divided by the white point D65.
_XYZ = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    _LUMINANCE,
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)


def declared(css: str) -> dict[str, Linear]:
    """Return the colours that a block of CSS declares as `--name: #rrggbb`."""
    return {name: _linear(text) for name, text in re.findall(r"--([\w-]+): #([0-9a-f]{6})", css)}


def contrast(one: Linear, other: Linear) -> float:
    """Return the contrast ratio, 1 to 21."""
    dark, light = sorted(_dot(_LUMINANCE, colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def difference(one: Linear, other: Linear, view: View) -> float:
    """Return the distance in CIELAB, of which 2 can just be seen."""
    return math.dist(_lab(_seen(one, view)), _lab(_seen(other, view)))


def _linear(text: str) -> Linear:
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return _to_linear(red), _to_linear(green), _to_linear(blue)


def _to_linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _seen(colour: Linear, view: View) -> Linear:
    if view == "all colours":
        return colour
    red, green, blue = (min(1.0, max(0.0, _dot(row, colour))) for row in _VIEWS[view])
    return red, green, blue


def _lab(colour: Linear) -> Linear:
    x, y, z = (_cube_root(_dot(row, colour)) for row in _XYZ)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(value: float) -> float:
    return math.cbrt(value) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _dot(row: Linear, colour: Linear) -> float:
    return sum(weight * part for weight, part in zip(row, colour, strict=True))
