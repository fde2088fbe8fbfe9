"""How few bytes does a change cost? Only the cells that changed are written, and of a style only what differs.

Textual writes each changed line from the start of its widget, every run with its full style and a reset: over ssh the
clock alone would cost 600 bytes a second. This leans on private parts of Textual (`textual._compositor`); a test
compares what arrives on a terminal with what Textual itself would have written.
"""

from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual.strip import Strip

RESET = "\x1b[0m"
_ATTRIBUTES = ("bold", "dim", "italic", "underline", "blink", "reverse", "strike")
_CODES = ("1", "2", "3", "4", "5", "7", "9")


class Pen(NamedTuple):
    """How a terminal draws at this moment: SGR codes of attributes, foreground and background."""

    attributes: frozenset[str] = frozenset()
    front: str = "39"
    back: str = "49"

    def to(self, other: "Pen") -> str:
        """The shortest sequence after which the terminal draws like `other`."""
        if self == other:
            return ""
        codes = []
        now = self
        if self.attributes - other.attributes:
            codes.append("0")
            now = Pen()
        codes += sorted(other.attributes - now.attributes)
        codes += [other.front] if other.front != now.front else []
        codes += [other.back] if other.back != now.back else []
        return f"\x1b[{';'.join(codes)}m"


@lru_cache(2048)
def pen(style: Style | None, colors: ColorSystem) -> Pen:
    """What a style means on a terminal with so many colours."""
    if style is None:
        return Pen()
    pairs = zip(_ATTRIBUTES, _CODES, strict=True)
    attributes = frozenset(code for name, code in pairs if getattr(style, name))
    front = ";".join(style.color.downgrade(colors).get_ansi_codes(foreground=True)) if style.color else "39"
    back = ";".join(style.bgcolor.downgrade(colors).get_ansi_codes(foreground=False)) if style.bgcolor else "49"
    return Pen(attributes, front, back)


class NarrowUpdate(ChopsUpdate):
    """A partial update that writes the changed cells only."""

    def render_segments(self, console: Console) -> str:
        """The bytes for the terminal."""
        parts: list[str] = []
        drawn = Pen()
        for y, start, end in self.spans:
            for chop_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, start), min(chop_end, end)
                if strip is None or left >= right:
                    continue
                parts.append(f"\x1b[{y + 1};{left + 1}H")
                drawn = _write(parts, strip.crop(left - x, right - x), console, drawn)
        return "".join(parts) + (RESET if drawn != Pen() else "")


class NarrowLayout(LayoutUpdate):
    """A full update that writes of a style only what differs."""

    def render_segments(self, console: Console) -> str:
        """The bytes for the terminal."""
        parts: list[str] = []
        drawn = Pen()
        for y, line in enumerate(self.strips, self.region.y):
            parts.append(f"\x1b[{y + 1};{self.region.x + 1}H")
            for strip in line:
                drawn = _write(parts, strip, console, drawn)
        return "".join(parts) + (RESET if drawn != Pen() else "")


def _write(parts: list[str], strip: Strip, console: Console, drawn: Pen) -> Pen:
    """Append a strip; the pen it leaves the terminal with."""
    colors = console._color_system  # noqa: SLF001 - Textual's own strips ask the console the same way
    for text, style, control in strip:
        if control:
            continue
        wanted = Pen() if colors is None else pen(style, colors)
        parts.append(drawn.to(wanted) + text)
        drawn = wanted
    return drawn


class NarrowCompositor(Compositor):
    """Textual's compositor with narrow updates."""

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """The whole screen."""
        update = super().render_full_update(simplify)
        return NarrowLayout(update.strips, update.region)

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update, None when nothing has."""
        update = super().render_partial_update()
        return None if update is None else NarrowUpdate(update.chops, update.spans, update.chop_ends)
