"""Can every colour be read, and do the palettes keep states apart for the eyes they are made for? Measured.

Contrast as in WCAG 2; colour vision deficiencies after Machado, Oliveira and Fernandes 2009, full severity; distance
is CIE 1976 between the six main states, smallest pair.
"""

import math
from itertools import combinations

import pytest

from lazycelery_core.theme import THEMES, Part, Theme, choose
from lazycelery_core.tones import Tone

SIX = (Tone.SUCCESS, Tone.FAILURE, Tone.RETRY, Tone.STARTED, Tone.PENDING, Tone.REVOKED)
Triple = tuple[float, float, float]
MACHADO: dict[str, tuple[Triple, Triple, Triple]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(color: str) -> list[float]:
    """The three channels of `#rrggbb` as light, 0 to 1."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]


def luminance(color: str) -> float:
    """Relative luminance."""
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """1 for the same colour, 21 for black on white."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def seen(color: str, eyes: str) -> Triple:
    """The colour in CIE L*a*b* (D65), as these eyes see it."""
    light = linear(color)
    shown = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in MACHADO[eyes]]
    rows = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    white = (0.95047, 1.0, 1.08883)
    x, y, z = (
        _cube_root(sum(a * b for a, b in zip(row, shown, strict=True)) / full)
        for row, full in zip(rows, white, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(value: float) -> float:
    return math.cbrt(value) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def least_distance(theme: Theme, eyes: str) -> float:
    """The distance of the two main states that are hardest to tell apart."""
    colors = [seen(theme.style(tone).fg, eyes) for tone in SIX]
    pairs = combinations(colors, 2)
    return min(math.dist(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", list(THEMES))
def test_every_theme_knows_every_meaning(name: str) -> None:
    assert set(THEMES[name].styles) == {*Tone, *Part}


@pytest.mark.parametrize("name", list(THEMES))
def test_every_text_can_be_read_on_its_background(name: str) -> None:
    theme = THEMES[name]
    least = 7.0 if name == "high-contrast" else 4.5
    for ink in {*Tone, *Part} - {Part.BORDER}:
        style = theme.style(ink)
        assert contrast(style.fg, style.bg or theme.surfaces.background) >= least, ink


@pytest.mark.parametrize("name", list(THEMES))
def test_what_matters_can_be_read_on_the_cursor_row(name: str) -> None:
    theme = THEMES[name]
    for tone in (Tone.TEXT, Tone.STRONG, Tone.SUCCESS, Tone.FAILURE, Tone.RETRY, Tone.STARTED, Tone.ACCENT):
        assert contrast(theme.style(tone).fg, theme.surfaces.tint) >= 3.0, tone


@pytest.mark.parametrize(
    "name, eyes",
    [
        ("dark", "normal"),
        ("light", "normal"),
        ("high-contrast", "normal"),
        ("safe-blue-orange", "normal"),
        ("safe-blue-orange", "protan"),
        ("safe-blue-orange", "deutan"),
        ("safe-teal-red", "normal"),
        ("safe-teal-red", "protan"),
        ("safe-teal-red", "tritan"),
    ],
)
def test_states_are_told_apart_by_the_eyes_a_theme_is_for(name: str, eyes: str) -> None:
    assert least_distance(THEMES[name], eyes) >= 25


def test_the_usual_dark_theme_alone_would_fail_for_one_man_in_twelve() -> None:
    assert least_distance(THEMES["dark"], "deutan") < 5


def test_without_colour_what_needs_attention_differs_by_weight() -> None:
    mono = THEMES["mono"]
    plain = mono.style(Tone.SUCCESS)
    for tone in (Tone.FAILURE, Tone.RETRY, Tone.REVOKED, Tone.PENDING, Tone.ERROR):
        assert mono.style(tone) != plain
    colours = {style.fg for style in mono.styles.values()} | {style.bg for style in mono.styles.values()} - {""}
    assert all(color[1:3] == color[3:5] == color[5:7] for color in colours if color)


def test_no_color_chooses_mono_and_an_unknown_name_the_default() -> None:
    assert choose("light", no_color=True).name == "mono"
    assert choose("light").name == "light"
    assert choose("of my own").name == "dark"
