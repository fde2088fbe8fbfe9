"""How is something said in passing? A few lines above the status line that go away by themselves."""

from typing import ClassVar, NamedTuple

from lazycelery_core.frame import Painted
from lazycelery_core.spans import fit_line, line_width, wrap_line
from lazycelery_core.text import Safe
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.lines import LinesWidget

WIDEST = 60  # cells
MOST = 4  # toasts at a time; more can't be read
MOST_LINES = 4  # of one toast
GLYPHS = {Tone.SUCCESS: "✓", Tone.WARN: "▲", Tone.ERROR: "✗"}


class Toast(NamedTuple):
    """Something said, until when (the app's clock)."""

    lines: tuple[Line, ...]
    until: float


class Toasts(LinesWidget):
    """The toasts of the screen; hidden while there are none."""

    surface: ClassVar[str] = "popup"

    _toasts: tuple[Toast, ...] = ()

    def say(self, text: str, tone: Tone, now: float, seconds: float) -> None:
        """Show a sentence for some seconds; text of any origin."""
        glyph = GLYPHS.get(tone, "·")
        wrapped = wrap_line(line(text), WIDEST - 4)[:MOST_LINES]
        first = (Span(Safe(f" {glyph} "), tone), *wrapped[0])
        rest = [(Span(Safe("   "), Tone.TEXT), *each) for each in wrapped[1:]]
        self._toasts = (*self._toasts, Toast((first, *rest), now + seconds))[-MOST:]
        self._draw()

    def tick(self, now: float) -> None:
        """Take away what has been said long enough."""
        left = tuple(toast for toast in self._toasts if now < toast.until)
        if left != self._toasts:
            self._toasts = left
            self._draw()

    def clear(self) -> None:
        """Take all away."""
        self._toasts = ()
        self._draw()

    def texts(self) -> list[str]:
        """What is said now, as plain text."""
        return ["".join(span.text for each in toast.lines for span in each).strip() for toast in self._toasts]

    def _draw(self) -> None:
        lines = [each for toast in self._toasts for each in toast.lines]
        self.display = bool(lines)
        if not lines:
            return
        cells = max(line_width(each) for each in lines) + 1
        self.styles.width, self.styles.height = cells, len(lines)
        self.styles.offset = (self.screen.size.width - cells - 1, self.screen.size.height - 2 - len(lines))
        self.show([Painted(before=fit_line(each, cells)) for each in lines])
