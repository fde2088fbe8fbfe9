"""What is drawn where? A grid of cells, each a character and a tone. The one drawing surface of every visual."""

from lazycelery_core.text import Safe, safe, width
from lazycelery_core.tones import Line, Span, Tone

WIDE_TAIL = ""  # the second cell of a two-cell character


class Canvas:
    """A (height, width) grid. Drawing outside of it is cut off silently; wide characters take two cells or none."""

    def __init__(self, columns: int, rows: int) -> None:
        self.width = max(0, columns)
        self.height = max(0, rows)
        self._chars = [[" "] * self.width for _ in range(self.height)]
        self._tones = [[Tone.TEXT] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, text: str, tone: Tone = Tone.TEXT, limit: int | None = None) -> int:
        """Draw text, made safe, from cell (x, y) on, in at most `limit` cells; returns the x after it."""
        if not 0 <= y < self.height:
            return x
        end = self.width if limit is None else min(self.width, x + limit)
        for char in text if isinstance(text, Safe) else safe(text):
            x = self._put_char(x, y, char, tone, end)
        return x

    def _put_char(self, x: int, y: int, char: str, tone: Tone, end: int) -> int:
        cells = width(char)
        if cells == 0:
            if 0 < x <= end:
                self._chars[y][x - 1] += char
            return x
        if x >= 0 and x + cells <= end:
            self._chars[y][x], self._tones[y][x] = char, tone
            if cells == 2:
                self._chars[y][x + 1], self._tones[y][x + 1] = WIDE_TAIL, tone
        return x + cells

    def put_line(self, x: int, y: int, spans: Line, limit: int | None = None) -> int:
        """Draw a line of spans; returns the x after it."""
        end = None if limit is None else x + limit
        for text, tone in spans:
            x = self.put(x, y, text, tone, None if end is None else max(0, end - x))
        return x

    def put_right(self, x: int, y: int, spans: Line) -> int:
        """Draw a line so that it ends before cell x; returns its first x."""
        start = x - sum(width(text) for text, _ in spans)
        self.put_line(start, y, spans)
        return start

    def line(self, y: int) -> Line:
        """Row y as spans, neighbours of one tone joined."""
        spans: list[Span] = []
        for char, tone in zip(self._chars[y], self._tones[y], strict=True):
            if spans and spans[-1].tone is tone:
                spans[-1] = Span(Safe(spans[-1].text + char), tone)
            else:
                spans.append(Span(Safe(char), tone))
        return tuple(spans)

    def lines(self) -> list[Line]:
        """All rows."""
        return [self.line(y) for y in range(self.height)]

    def text(self) -> str:
        """The characters alone, rows joined by newlines, trailing blanks removed: for snapshots and exports."""
        return "\n".join("".join(row).rstrip() for row in self._chars)
