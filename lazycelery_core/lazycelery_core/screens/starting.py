"""What is on the screen while everything else is loaded? Our name, what is watched, and that it starts.

The first frame: it needs Textual, the theme and no other module of the screen.
"""

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip

from lazycelery_core.text import Safe, safe
from lazycelery_core.theme import Theme
from lazycelery_core.tones import Tone

TOLD = 2  # line that says so


class Starting(Screen[None]):
    """Drawn in the theme's colours before Textual knows the theme. begin: called as soon as it is on the screen."""

    AUTO_FOCUS = ""

    def __init__(self, theme: Theme, name: str, begin: Callable[[], object]) -> None:
        super().__init__()
        self._theme, self._connection, self._begin = theme, safe(name, 40), begin

    def on_mount(self) -> None:
        """Load the rest once this can be seen."""
        self.call_after_refresh(self._begin)

    def render_line(self, y: int) -> Strip:
        """The line at y."""
        cells, surfaces = self.size.width, self._theme.surfaces
        words = {
            0: [(" LazyCelery", Tone.ACCENT), (f" {self._connection}", Tone.STRONG)],
            TOLD: [(f" Starting {self._connection} …" if self._connection else " Starting …", Tone.DIM)],
        }.get(y, [])
        ground = surfaces.bar if y in (0, self.size.height - 1) else surfaces.background
        segments = [Segment(text, self._style(tone, ground)) for text, tone in words]
        return Strip([*segments, Segment(" " * cells, self._style(Tone.TEXT, ground))]).crop(0, cells)

    def _style(self, tone: Tone, ground: str) -> Style:
        style = self._theme.style(tone)
        return Style(color=style.fg or None, bgcolor=style.bg or ground, bold=style.bold or None)

    def press(self, key: str, _: Safe | str | None) -> None:
        """A key that could not wait for the rest any longer."""
        if key in ("q", "ctrl+q"):
            self.app.exit()
