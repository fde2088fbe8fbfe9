"""How does a drawn line become a strip of the terminal? Through the theme and the glyph set, in few style runs.

Few runs matter: over ssh each one costs about forty bytes. Blanks therefore take the style of their neighbour.
"""

from functools import lru_cache
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip
from textual.theme import Theme as TextualTheme

from lazycelery_core.config import UISettings
from lazycelery_core.frame import Painted
from lazycelery_core.glyphs import UNICODE, Glyphs, choose
from lazycelery_core.text import width
from lazycelery_core.theme import THEMES, Ink, Part, Style, Theme
from lazycelery_core.tones import Tone

KEEPS_ITS_LOOK = (Part.BORDER, Part.FOCUS, Tone.TITLE)  # in a stale picture: the frame is not old, its inside is


class Skin:
    """The theme and glyphs that all widgets of one app draw with. `stale` dims what is drawn: the broker is lost."""

    def __init__(self, theme: Theme = THEMES["dark"], glyphs: Glyphs = UNICODE) -> None:
        self.theme, self.glyphs, self.stale = theme, glyphs, False
        self._looks: dict[tuple[Ink, str, bool, bool], _Look] = {}  # of the theme `_looks_of`
        self._looks_of = theme

    def strip(self, line: Painted, cells: int, surface: str) -> Strip:
        """The line in exactly `cells` cells on a surface colour."""
        tint = self.theme.surfaces.tint if line.cursor else surface
        if self._looks_of is not self.theme:
            self._looks, self._looks_of = {}, self.theme
        runs: list[tuple[str, _Look]] = []
        for pieces, background, strong in (
            (line.before, surface, False), (line.inside, tint, line.cursor), (line.after, surface, False),
        ):  # fmt: skip
            for text, ink in pieces:
                if text:
                    _add(runs, self.glyphs.draw(text), self._look(ink, background, strong))
        missing = cells - sum(len(text) if text.isascii() else width(text) for text, _ in runs)
        if missing > 0:
            _add(runs, " " * missing, _look(Style(), surface, bold=False))
        strip = Strip([Segment(text, look.style) for text, look in runs], cells - min(0, missing))
        return strip.crop(0, cells) if missing < 0 else strip

    def _look(self, ink: Ink, background: str, strong: bool) -> "_Look":
        key = ink, background, strong, self.stale
        look = self._looks.get(key)
        if look is None:
            shown = Tone.DIM if self.stale and ink not in KEEPS_ITS_LOOK else ink
            look = self._looks[key] = _look(self.theme.style(shown), background, strong)
        return look


def skin_of(ui: UISettings, theme: Theme, encoding: str) -> Skin:
    """The look that the settings ask for, with glyphs that a terminal of that encoding can show."""
    return Skin(theme, choose(ui.glyphs, encoding, ui.ambiguous_wide))


class _Look(NamedTuple):
    """How a run is drawn. bare: of a blank nothing is seen but its background, `back`; lined: but for a line below."""

    style: RichStyle
    back: str
    bare: bool
    lined: bool


def _add(runs: list[tuple[str, _Look]], text: str, look: _Look) -> None:
    """Add a text, to the run before it where the two look alike or one of them is blank."""
    if runs:
        last, before = runs[-1]
        if look is before or (look.bare and before.back == look.back and text.isspace()):
            runs[-1] = (last + text, before)
            return
        if before.bare and before.back == look.back and not look.lined and last.isspace():
            runs[-1] = (last + text, look)
            return
    runs.append((text, look))


@lru_cache(1024)
def _look(style: Style, background: str, bold: bool) -> _Look:
    back = style.bg or background
    drawn = RichStyle(
        color=style.fg or None,
        bgcolor=back,
        bold=style.bold or bold or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
    )
    return _Look(drawn, back, not (style.underline or style.reverse), style.underline)


def textual_theme(chosen: Theme) -> TextualTheme:
    """Our theme as Textual's style sheets know it: popups take their colours from it."""
    surfaces, styles = chosen.surfaces, chosen.styles
    accent = styles[Tone.ACCENT].fg
    return TextualTheme(
        chosen.name, primary=accent, accent=accent, foreground=styles[Tone.TEXT].fg, dark=chosen.dark,
        background=surfaces.background, surface=surfaces.popup, panel=surfaces.bar,
        success=styles[Tone.SUCCESS].fg, warning=styles[Tone.WARN].fg, error=styles[Tone.FAILURE].fg,
    )  # fmt: skip
