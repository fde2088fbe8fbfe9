"""What if text that could command the terminal got as far as a widget? The last net: every segment passes here.

Everything of ours is `Safe` long before; a hit is a bug, so hits are counted and logged.
"""

import logging
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from lazycelery_core.text import safe, width

log = logging.getLogger("lazycelery.screen")
REPLACEMENT = "\ufffd"


class SafeText(LineFilter):
    """Replaces forbidden characters, keeping widths, and drops links that are not http(s)."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without anything a terminal could obey."""
        return [self._clean(segment) for segment in segments]

    def _clean(self, segment: Segment) -> Segment:
        text, style, control = segment
        shown = text if control else cleaned(text)
        kept = _without_odd_link(style) if style is not None and style.link else style
        if shown == text and kept is style:
            return segment
        self.hits += 1
        log.error("unsafe text reached the screen: %r", text[:200])
        return Segment(shown, kept, control)


@lru_cache(4096)
def cleaned(text: str) -> str:
    """The text in as many cells, each forbidden character replaced."""
    if (text.isascii() and text.isprintable()) or safe(f"a{text}", len(text) + 1) == f"a{text}":
        return text
    return "".join(char if safe(f"a{char}") == f"a{char}" else REPLACEMENT * width(char) for char in text)


def _without_odd_link(style: Style) -> Style:
    link = style.link or ""
    return style if link.startswith(("http://", "https://")) else style.update_link(None)
