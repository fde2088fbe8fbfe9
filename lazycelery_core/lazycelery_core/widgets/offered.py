"""What could be typed next? A short list below the cursor of a prompt, the chosen one set off."""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import events

from lazycelery_core.frame import Painted
from lazycelery_core.query import Completion
from lazycelery_core.spans import cut_line, fit_line, line_width
from lazycelery_core.text import Safe
from lazycelery_core.theme import Part
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.box import BLANK
from lazycelery_core.widgets.lines import LinesWidget

MOST = 8  # offers in sight; the others are scrolled to
NAME, WIDEST = 12, 60  # cells: least of the names, most of the list


class Shown(NamedTuple):
    """The drawn list, its width, and the index of the first offer in it."""

    lines: list[Painted]
    cells: int
    first: int


def offered_lines(offers: Sequence[Completion], chosen: int, cells: int = WIDEST) -> Shown:
    """The list in at most `cells` cells; a last line counts what is not in sight."""
    first = max(0, min(chosen - MOST // 2, len(offers) - MOST))
    seen = offers[first : first + MOST]
    names = max([NAME, *(line_width(line(each.text)) for each in seen)])
    rows: list[Line] = [
        (BLANK, *fit_line(line((each.text, Tone.STRONG)), names + 2), *line((each.help, Tone.DIM)), BLANK)
        for each in seen
    ]
    more = len(offers) - len(seen)
    if more:
        rows.append(line((f" {more} more", Tone.DIM)))
    wide = min(cells, max((line_width(row) for row in rows), default=0))
    lines = [_painted(fit_line(cut_line(row, wide), wide), first + at == chosen) for at, row in enumerate(rows)]
    return Shown(lines, wide, first)


def _painted(row: Line, chosen: bool) -> Painted:
    if not chosen:
        return Painted(before=row)
    return Painted(before=((Safe("".join(text for text, _ in row)), Part.CURRENT),))


class Offered(LinesWidget):
    """The list on the screen; it takes no keys, its prompt does."""

    surface: ClassVar[str] = "popup"
    first = 0
    picked: Callable[[int], None] = staticmethod(lambda index: None)  # what a click on an offer does

    def offer(self, offers: Sequence[Completion], chosen: int, x: int, y: int) -> None:
        """Show the offers with their upper left corner at (x, y), moved left where they don't fit; nothing for none."""
        screen = self.screen.size
        shown = offered_lines(offers, chosen, min(WIDEST, screen.width))
        self.display = bool(offers)
        if not offers:
            return
        self.first = shown.first
        self.styles.width, self.styles.height = shown.cells, len(shown.lines)
        self.styles.offset = (max(0, min(x, screen.width - shown.cells)), y)
        self.show(shown.lines)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click takes the offer."""
        event.stop()
        self.picked(self.first + event.y)
