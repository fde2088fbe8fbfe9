"""Which characters stand for our glyphs where the terminal can't draw them? One cell each, so nothing moves.

`unicode` draws as written. `ascii` is for locales that are not UTF-8, and where the `● ▲ █ ─` of East Asian fonts are
two cells wide. `nerd` uses the icons of Nerd Fonts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lazycelery_core.looks import ASCII
from lazycelery_core.text import Safe, width

# Icons of the Font Awesome block, which every Nerd Font has in one cell (private use area, so written as code points).
_NERD = {
    "✓": "\uf00c",
    "✗": "\uf00d",
    "►": "\uf04b",
    "↻": "\uf021",
    "◔": "\uf01c",
    "◌": "\uf10c",
    "⊘": "\uf05e",
    "◷": "\uf017",
    "▲": "\uf071",
    "●": "\uf111",
    "○": "\uf10c",
    "◐": "\uf042",
}


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A set of characters. `strict`: nothing but ASCII may leave, other people's letters become `?`."""

    name: str
    table: Mapping[int, str] = field(default_factory=dict)
    strict: bool = False

    def draw(self, text: Safe) -> Safe:
        """The text in this set, as wide as before."""
        if text.isascii() or not self.table:
            return text
        drawn = text.translate(self.table)
        return Safe("".join(map(_ascii, drawn)) if self.strict and not drawn.isascii() else drawn)


UNICODE = Glyphs("unicode")
NERD = Glyphs("nerd", {ord(char): icon for char, icon in _NERD.items()})
_ASCII = {**ASCII, ord("━"): "="}  # so that the frame of the focused pane differs without colour
PLAIN = Glyphs("ascii", _ASCII)
STRICT = Glyphs("ascii", _ASCII, strict=True)


def choose(name: str = "unicode", encoding: str = "utf-8", ambiguous_wide: bool = False) -> Glyphs:
    """The set to draw with. name, ambiguous_wide: as configured; encoding: what the terminal is written in."""
    if encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "utf8sig", "cp65001"):
        return STRICT
    if name == "ascii" or ambiguous_wide:
        return PLAIN
    return NERD if name == "nerd" else UNICODE


def _ascii(char: str) -> str:
    return char if char.isascii() else "?" * width(char)
