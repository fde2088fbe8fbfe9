"""How does the box around a pane look? Its border, number, title, info at the right, and the foot.

A drawn line is a `Painted`: what is inside the frame knows whether the cursor is on it, the border stays as it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lazycelery_core.spans import cut_line, fit_line, line_width, plain
from lazycelery_core.text import Safe, cut, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Line, Span, Tone

Pieces = tuple[tuple[Safe, Ink], ...]


class Row(NamedTuple):
    """A line of a pane's inside; `cursor` tints it."""

    inside: Line
    cursor: bool = False


class Painted(NamedTuple):
    """A whole line of the screen: `before` and `after` are border, `inside` is tinted where the cursor is on it."""

    before: Pieces = ()
    inside: Pieces = ()
    after: Pieces = ()
    cursor: bool = False

    @property
    def text(self) -> str:
        """The characters alone."""
        return "".join(text for part in (self.before, self.inside, self.after) for text, _ in part)


class Frame(NamedTuple):
    """What is written on a frame. `number` 0 is not shown; `wrong`: the pane is broken, its title says so."""

    title: str
    number: int = 0
    info: Line = ()
    foot: Line = ()
    focused: bool = False
    wrong: bool = False


class _Border(NamedTuple):
    top: tuple[str, str]
    bottom: tuple[str, str]
    side: str
    across: str


_LIGHT = _Border(("╭", "╮"), ("╰", "╯"), "│", "─")
_HEAVY = _Border(("┏", "┓"), ("┗", "┛"), "┃", "━")
LEAST = 4  # cells; a frame that is narrower has no room for anything between its corners


def draw_frame(frame: Frame, body: Sequence[Row], columns: int, rows: int) -> list[Painted]:
    """(rows,) lines of `columns` cells: the frame around the body, which is cut or filled to its inside."""
    if columns < LEAST or rows < 2:
        return [Painted()] * max(0, rows)
    border = _HEAVY if frame.focused else _LIGHT
    ink = Part.FOCUS if frame.focused else Part.BORDER
    side: Pieces = ((Safe(border.side), ink),)
    inside = columns - 2
    lines = [Painted(before=_top(frame, border, ink, columns))]
    for index in range(rows - 2):
        row = body[index] if index < len(body) else Row(())
        lines.append(Painted(side, fit_line(row.inside, inside), side, row.cursor))
    return [*lines, Painted(before=_bottom(frame, border, ink, columns))]


def _top(frame: Frame, border: _Border, ink: Ink, columns: int) -> Pieces:
    """`╭─ 1 Workers ──────── 5 ─╮`."""
    room = columns - LEAST
    info = frame.info
    label = width(frame.title) + (2 if frame.number else 0) + 2
    if info and label + line_width(info) + 3 > room:
        info = cut_line(info, max(room // 3, room - label - 3))
    info = () if plain(info) in ("", "…") else info
    title = _title(frame, room - (line_width(info) + 3 if info else 0))
    used = sum(width(text) for text, _ in title)
    right: Pieces = ((Safe(" "), Tone.TEXT), *info, (Safe(" "), Tone.TEXT)) if info else ()
    fill = room - used - sum(width(text) for text, _ in right)
    left, end = border.top
    line = Safe(border.across * max(0, fill))
    return ((Safe(left + border.across), ink), *title, (line, ink), *right, (Safe(border.across + end), ink))


def _title(frame: Frame, room: int) -> Pieces:
    number = f" {frame.number}" if frame.number else ""
    title = cut(Safe(frame.title), room - len(number) - 2)
    if not title:
        return ()
    ink: Ink = Tone.ERROR if frame.wrong else Part.FOCUS if frame.focused else Tone.TITLE
    return ((Safe(f"{number} "), Tone.DIM), (title, ink), (Safe(" "), Tone.TEXT))


def _bottom(frame: Frame, border: _Border, ink: Ink, columns: int) -> Pieces:
    """`╰──────── 2 marked ─╯`."""
    left, end = border.bottom
    room = columns - LEAST
    foot = cut_line(frame.foot, room - 2) if room > 8 else ()
    words: Pieces = ((Safe(" "), Tone.TEXT), *foot, (Safe(" "), Tone.TEXT)) if foot else ()
    fill = room - sum(width(text) for text, _ in words)
    line = Safe(left + border.across + border.across * fill)
    return ((line, ink), *words, (Safe(border.across + end), ink))


def indented(lines: Sequence[Line], cells: int = 1) -> list[Row]:
    """Lines as rows with blanks before them."""
    blank = Span(Safe(" " * cells), Tone.TEXT)
    return [Row((blank, *line) if line else ()) for line in lines]


def centred(lines: Sequence[Line], columns: int, rows: int) -> list[Row]:
    """A block of lines in the middle of a large box, at the top left of a small one."""
    if columns < 50 or rows < 8:
        return indented(lines)
    block = max((line_width(line) for line in lines), default=0)
    above = max(0, (rows - len(lines)) // 2 - 1)
    return [*[Row(())] * above, *indented(lines, max(1, (columns - block) // 2))]


def as_text(lines: Sequence[Painted]) -> str:
    """Drawn lines as plain text, for snapshots and one-shot commands."""
    return "\n".join(line.text.rstrip() for line in lines)


def row_text(row: Row) -> str:
    """The characters of a row alone."""
    return plain(row.inside)
