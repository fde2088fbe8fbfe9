"""How are lines of spans measured, cut, filled and wrapped? Arithmetic on what panes draw; no terminal here."""

from collections.abc import Iterator, Sequence

from lazycelery_core.text import Safe, cut, cut_middle, width
from lazycelery_core.tones import Line, Span, Tone

DOTS = Safe("…")
BLANKS = tuple(Span(Safe(" " * cells), Tone.TEXT) for cells in range(128))


def line_width(line: Line) -> int:
    """Terminal cells that the line takes."""
    cells = 0  # a loop: `sum` over a generator takes twice as long, and this is asked for every cell of a table
    for text, _ in line:
        cells += len(text) if text.isascii() else width(text)
    return cells


def plain(line: Line) -> str:
    """The characters alone."""
    return "".join(text for text, _ in line)


def cut_line(line: Line, cells: int) -> Line:
    """The line in at most `cells` cells, ending in … where something is left out."""
    if line_width(line) <= cells:
        return line
    kept: list[Span] = []
    room = cells - 1
    for text, tone in line:
        size = width(text)
        if size <= room:
            kept.append(Span(text, tone))
            room -= size
            continue
        kept.append(Span(cut(Safe(text + DOTS), room + 1), tone))
        break
    return tuple(kept) if cells > 0 else ()


def cut_line_middle(line: Line, cells: int) -> Line:
    """The line in at most `cells` cells, its widest span cut in the middle, so that `optimise[7]` keeps its index."""
    over = line_width(line) - cells
    if over <= 0 or not line:
        return line
    widest = max(range(len(line)), key=lambda index: width(line[index].text))
    text, tone = line[widest]
    room = width(text) - over
    if room < 1:
        return cut_line(line, cells)
    return (*line[:widest], Span(cut_middle(text, room), tone), *line[widest + 1 :])


def fit_line(line: Line, cells: int, right: bool = False, middle: bool = False) -> Line:
    """The line in exactly `cells` cells."""
    missing = cells - line_width(line)
    if missing < 0:
        line = cut_line_middle(line, cells) if middle else cut_line(line, cells)
        missing = cells - line_width(line)
    if missing <= 0:
        return line
    blank = BLANKS[missing] if missing < len(BLANKS) else Span(Safe(" " * missing), Tone.TEXT)
    return (blank, *line) if right else (*line, blank)


def join(parts: Sequence[Line], separator: Span) -> Line:
    """The parts that hold something, with the separator between them."""
    joined: list[Span] = []
    for part in parts:
        if not part:
            continue
        if joined:
            joined.append(separator)
        joined.extend(part)
    return tuple(joined)


def wrap_line(line: Line, cells: int, hang: int = 0) -> list[Line]:
    """The line as lines of at most `cells` cells, broken at blanks where there are any; blanks lead no new line.

    hang: cells that all but the first are indented, where that leaves half of the room and place for a wide character.
    """
    if cells < 1 or line_width(line) <= cells:
        return [line]
    indent: Line = (Span(Safe(" " * hang)),) if 0 < hang <= min(cells // 2, cells - 2) else ()
    later = cells - line_width(indent)
    lines: list[Line] = []
    row: list[Span] = []
    room = cells
    for word in _words(line):
        size = width(word.text)
        if size > room and row and not (indent and size > later):
            lines.append(tuple(row))
            row, room = [*indent], later
            if word.text.isspace():
                continue
        for piece in _slices(word, room if indent else cells, later) if size > room else (word,):
            if width(piece.text) > room:
                lines.append(tuple(row))
                row, room = [*indent], later
            row.append(piece)
            room -= width(piece.text)
    return [*lines, tuple(row)] if row and tuple(row) != indent else lines


def _words(line: Line) -> Iterator[Span]:
    """Runs of blanks and of other characters, each in its tone."""
    for text, tone in line:
        start = 0
        for end in range(1, len(text) + 1):
            if end == len(text) or (text[end] == " ") != (text[start] == " "):
                yield Span(Safe(text[start:end]), tone)
                start = end


def _slices(word: Span, first: int, cells: int) -> Iterator[Span]:
    """A word that is longer than a line, in pieces that fit: one in `first` cells, the others in `cells`."""
    piece, size, room = "", 0, first
    for char in word.text:
        grows = width(char)
        if size + grows > room:
            yield Span(Safe(piece), word.tone)
            piece, size, room = "", 0, cells
        piece, size = piece + char, size + grows
    yield Span(Safe(piece), word.tone)
