"""How does a drawn line become a strip of the terminal? Through the theme and the glyph set, in few style runs.

Few runs matter: over ssh each one costs about forty bytes. Blanks therefore take the style of their neighbour.
"""

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip
from textual.theme import Theme as TextualTheme

from lazycelery_core.config import UISettings
from lazycelery_core.frame import Painted, Pieces
from lazycelery_core.glyphs import UNICODE, Glyphs, choose
from lazycelery_core.text import width
from lazycelery_core.theme import THEMES, Ink, Part, Style, Theme
from lazycelery_core.tones import Tone

KEEPS_ITS_LOOK = (Part.BORDER, Part.FOCUS, Tone.TITLE)  # in a stale picture: the frame is not old, its inside is


class Skin:
    """The theme and glyphs that all widgets of one app draw with. `stale` dims what is drawn: the broker is lost."""

    def __init__(self, theme: Theme = THEMES["dark"], glyphs: Glyphs = UNICODE) -> None:
        self.theme, self.glyphs, self.stale = theme, glyphs, False

    def strip(self, line: Painted, cells: int, surface: str) -> Strip:
        """The line in exactly `cells` cells on a surface colour."""
        tint = self.theme.surfaces.tint if line.cursor else surface
        runs: list[tuple[str, RichStyle]] = []
        for pieces, background, strong in ((line.before, surface, False), (line.inside, tint, line.cursor)):
            self._add(runs, pieces, background, strong)
        self._add(runs, line.after, surface, strong=False)
        missing = cells - sum(width(text) for text, _ in runs)
        if missing > 0:
            self._add_run(runs, " " * missing, _rich(Style(), surface, bold=False))
        strip = Strip([Segment(text, style) for text, style in runs])
        return strip.crop(0, cells) if missing < 0 else strip

    def _add(self, runs: list[tuple[str, RichStyle]], pieces: Pieces, background: str, strong: bool) -> None:
        for text, ink in pieces:
            if text:
                self._add_run(runs, self.glyphs.draw(text), self._style(ink, background, strong))

    def _add_run(self, runs: list[tuple[str, RichStyle]], text: str, style: RichStyle) -> None:
        if runs:
            last, last_style = runs[-1]
            if style == last_style or (_is_blank(text, style) and last_style.bgcolor == style.bgcolor):
                runs[-1] = (last + text, last_style)
                return
            if _is_blank(last, last_style) and last_style.bgcolor == style.bgcolor and not style.underline:
                runs[-1] = (last + text, style)
                return
        runs.append((text, style))

    def _style(self, ink: Ink, background: str, strong: bool) -> RichStyle:
        if self.stale and ink not in KEEPS_ITS_LOOK:
            ink = Tone.DIM
        return _rich(self.theme.style(ink), background, strong)


def skin_of(ui: UISettings, theme: Theme, encoding: str) -> Skin:
    """The look that the settings ask for, with glyphs that a terminal of that encoding can show."""
    return Skin(theme, choose(ui.glyphs, encoding, ui.ambiguous_wide))


def _is_blank(text: str, style: RichStyle) -> bool:
    return text.isspace() and not style.underline and not style.reverse


@lru_cache(1024)
def _rich(style: Style, background: str, bold: bool) -> RichStyle:
    return RichStyle(
        color=style.fg or None,
        bgcolor=style.bg or background,
        bold=style.bold or bold or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
    )


def textual_theme(chosen: Theme) -> TextualTheme:
    """Our theme as Textual's style sheets know it: popups take their colours from it."""
    surfaces, styles = chosen.surfaces, chosen.styles
    accent = styles[Tone.ACCENT].fg
    return TextualTheme(
        chosen.name, primary=accent, accent=accent, foreground=styles[Tone.TEXT].fg, dark=chosen.dark,
        background=surfaces.background, surface=surfaces.popup, panel=surfaces.bar,
        success=styles[Tone.SUCCESS].fg, warning=styles[Tone.WARN].fg, error=styles[Tone.FAILURE].fg,
    )  # fmt: skip
