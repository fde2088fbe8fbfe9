"""Which colour has a meaning? A theme maps tones, and the parts of the frame, to styles; it never names a widget.

Colours are the measured ones: every text colour reads against its background (contrast >= 4.5), and the palettes made
for a colour vision deficiency keep the states apart for it. `test_theme.py` measures both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lazycelery_core.tones import Tone


class Part(StrEnum):
    """Parts of the frame that no pane draws with."""

    BORDER = "border"
    FOCUS = "focus"  # border and title of the focused pane
    CURSOR = "cursor"  # the ▸ of the cursor row
    CURRENT = "current"  # the view that is shown, the button that is focused, the cell of a text cursor
    BUTTON = "button"  # one that is not focused
    WELL = "well"  # text typed into a popup
    WRONG = "wrong"  # the part of a typed text that is not understood
    BAR = "bar line"  # text on the header, status and key lines


Ink = Tone | Part


@dataclass(frozen=True, slots=True)
class Style:
    """How text is drawn: colours as `#rrggbb`, "" for the surface's own."""

    fg: str = ""
    bg: str = ""
    bold: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What text stands on: `background` of panes, `bar` of header and status line, `tint` of the cursor row, `popup`,
    the `chosen` row in it, and the `well` that text is typed into."""

    background: str
    bar: str
    tint: str
    popup: str
    chosen: str
    well: str


@dataclass(frozen=True, slots=True)
class Theme:
    """A table of meanings and the surfaces they are drawn on."""

    name: str
    surfaces: Surfaces
    styles: Mapping[Ink, Style] = field(default_factory=dict)
    dark: bool = True

    def style(self, ink: Ink) -> Style:
        """The style of a meaning."""
        return self.styles[ink]


@dataclass(frozen=True, slots=True)
class _Palette:
    """The colours that differ between themes."""

    text: str
    dim: str
    border: str
    accent: str
    success: str
    failure: str
    retry: str
    started: str
    received: str
    pending: str
    revoked: str
    scheduled: str


def _styles(palette: _Palette, surfaces: Surfaces) -> dict[Ink, Style]:
    """The whole table from a palette."""
    background = surfaces.background
    text, dim, accent = Style(palette.text), Style(palette.dim), Style(palette.accent, bold=True)
    return {
        Tone.TEXT: text,
        Tone.STRONG: replace(text, bold=True),
        Tone.DIM: dim,
        Tone.TITLE: replace(text, bold=True),
        Tone.ACCENT: accent,
        Tone.SUCCESS: Style(palette.success),
        Tone.FAILURE: Style(palette.failure),
        Tone.RETRY: Style(palette.retry),
        Tone.WARN: Style(palette.retry),
        Tone.STARTED: Style(palette.started),
        Tone.RECEIVED: Style(palette.received),
        Tone.PENDING: Style(palette.pending),
        Tone.REVOKED: Style(palette.revoked),
        Tone.SCHEDULED: Style(palette.scheduled),
        Tone.FIELD: Style(palette.started),
        Tone.BAR: Style(palette.started),
        Tone.ERROR: Style(palette.failure, bold=True),
        Tone.BADGE: Style(background, palette.dim, bold=True),
        Tone.DANGER: Style(background, palette.failure, bold=True),
        Tone.CODE_KEYWORD: Style(palette.started, bold=True),
        Tone.CODE_STRING: Style(palette.success),
        Tone.CODE_NUMBER: Style(palette.scheduled),
        Tone.CODE_COMMENT: Style(palette.dim, italic=True),
        Tone.CODE_NAME: Style(palette.received),
        Part.BORDER: Style(palette.border),
        Part.FOCUS: accent,
        Part.CURSOR: Style(palette.accent),
        Part.CURRENT: Style(background, palette.accent, bold=True),
        Part.BUTTON: Style(palette.text, surfaces.chosen),
        Part.WELL: Style(palette.text, surfaces.well),
        Part.WRONG: Style(palette.failure, underline=True),
        Part.BAR: text,
    }


_DARK = _Palette(
    text="#d6dde6",
    dim="#7d8b99",
    border="#33404d",
    accent="#7ee787",
    success="#5fd787",
    failure="#ff6b6b",
    retry="#f2b84b",
    started="#6cb6ff",
    received="#56d4dd",
    pending="#8b98a5",
    revoked="#d58fff",
    scheduled="#a9a5ff",
)
_DARK_SURFACES = Surfaces("#11151a", "#161c23", "#233243", "#1d2631", "#2b3948", "#0c1116")
_LIGHT_SURFACES = Surfaces("#fbfbfa", "#eef1f4", "#d7e3f1", "#ffffff", "#dce6f0", "#eef0f2")
_BLACK = Surfaces("#000000", "#000000", "#1f3a5f", "#0a0a0a", "#2d4d73", "#000000")
_SAFE_BLUE_ORANGE = replace(
    _DARK,
    accent="#8fb4ff",
    success="#8fb4ff",
    failure="#e0702c",
    retry="#fafa0a",
    started="#ffffff",
    received="#b8c4d0",
    pending="#788285",
    revoked="#ba4bfd",
    scheduled="#9fb0c4",
)
_SAFE_TEAL_RED = replace(
    _DARK,
    accent="#40d1a4",
    success="#40d1a4",
    failure="#ff3b3f",
    retry="#dda154",
    started="#fefefe",
    received="#c0c4cc",
    pending="#797e92",
    revoked="#fe01dd",
    scheduled="#a9b3c0",
)
_LIGHT = _Palette(
    text="#1f2933",
    dim="#5b6875",
    border="#b4bec9",
    accent="#0f6b2f",
    success="#17702f",
    failure="#c01c28",
    retry="#8a5a00",
    started="#0b5cad",
    received="#0b6e77",
    pending="#5f6b77",
    revoked="#8b2bb8",
    scheduled="#4a46c4",
)
_HIGH_CONTRAST = _Palette(
    text="#ffffff",
    dim="#c8d0d8",
    border="#8b98a5",
    accent="#00ff66",
    success="#4dff88",
    failure="#ff8080",
    retry="#ffd75f",
    started="#87cfff",
    received="#5ff4ff",
    pending="#c0c8d0",
    revoked="#e6b3ff",
    scheduled="#c7c4ff",
)


def _dark(name: str, palette: _Palette) -> Theme:
    return Theme(name, _DARK_SURFACES, _styles(palette, _DARK_SURFACES))


def _mono() -> Theme:
    """Greys and weights only: states are told by glyph and word, what needs attention by bold, reverse or underline."""
    grey = _Palette("#d0d0d0", "#8a8a8a", "#4a4a4a", "#ffffff", *["#d0d0d0"] * 8)
    surfaces = Surfaces("#101010", "#1a1a1a", "#303030", "#1e1e1e", "#3a3a3a", "#080808")
    styles = _styles(grey, surfaces)
    loud = Style("#ffffff", bold=True)
    styles |= {Tone.FAILURE: replace(loud, underline=True), Tone.ERROR: replace(loud, underline=True)}
    styles |= {Tone.RETRY: loud, Tone.WARN: loud, Tone.PENDING: Style(grey.dim)}
    styles |= {Tone.REVOKED: Style(grey.text, italic=True)}
    styles |= {Tone.DANGER: Style("#101010", "#ffffff", bold=True)}
    return Theme("mono", surfaces, styles)


_ALL = (
    _dark("dark", _DARK),
    Theme("light", _LIGHT_SURFACES, _styles(_LIGHT, _LIGHT_SURFACES), dark=False),
    Theme("high-contrast", _BLACK, _styles(_HIGH_CONTRAST, _BLACK)),
    _mono(),
    _dark("safe-blue-orange", _SAFE_BLUE_ORANGE),
    _dark("safe-teal-red", _SAFE_TEAL_RED),
)
THEMES: Mapping[str, Theme] = {theme.name: theme for theme in _ALL}


def choose(name: str, no_color: bool = False) -> Theme:
    """The theme of that name; `mono` where colours are unwanted (NO_COLOR), `dark` for a name that no theme has."""
    return THEMES["mono"] if no_color else THEMES.get(name, THEMES["dark"])
