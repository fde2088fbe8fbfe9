"""How is a line drawn while it is typed? In the colours of its tokens, the wrong part underlined, the answer beside it.

The text scrolls sideways so that the cursor stays in sight; what is said about it keeps the right end of the line.
"""

from collections.abc import Sequence

from lazycelery_core.frame import Painted, Pieces
from lazycelery_core.query import Token
from lazycelery_core.spans import cut_line, line_width
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Line, Tone

LEAST = 24  # cells that the text keeps, whatever is said about it


def typed_line(
    label: Line, text: str, cursor: int, inks: Sequence[Ink], said: Line, cells: int, hint: Line = ()
) -> Painted:
    """The line in `cells` cells. inks: (len(text),) one for each character; hint: shown while nothing is typed."""
    head = line_width(label)
    said = cut_line(said, max(0, cells - head - LEAST - 2))
    room = max(1, cells - head - line_width(said) - (3 if said else 1))
    typed = typed_pieces(text, cursor, inks, room)
    if not text:
        typed = (*typed, *cut_line(hint, room - 2))
    used = head + sum(width(piece) for piece, _ in typed) + line_width(said)
    blank = Safe(" " * max(0, cells - used - 1))
    return Painted(before=(*label, *typed, (blank, Tone.TEXT), *said))


def typed_pieces(text: str, cursor: int, inks: Sequence[Ink], room: int) -> Pieces:
    """The part of the text around the cursor that fits in `room` cells, the cursor as a block."""
    shown = [(safe(char), ink) for char, ink in zip(text, inks, strict=True)]
    shown = [(Safe(" ") if char == "␠" else char, ink) for char, ink in shown]
    shown.insert(cursor, (Safe(" "), Part.CURRENT)) if cursor >= len(shown) else None
    shown[cursor] = (shown[cursor][0], Part.CURRENT)
    start, end = _window([width(char) for char, _ in shown], cursor, room)
    return _joined(shown[start:end])


def _window(sizes: Sequence[int], cursor: int, room: int) -> tuple[int, int]:
    """(first, end) of the characters shown: from the beginning as long as the cursor is within."""
    start = 0
    while sum(sizes[start : cursor + 1]) > room and start < cursor:
        start += 1
    end, used = start, 0
    while end < len(sizes) and used + sizes[end] <= room:
        used += sizes[end]
        end += 1
    return start, end


def _joined(shown: Sequence[tuple[Safe, Ink]]) -> Pieces:
    pieces: list[tuple[Safe, Ink]] = []
    for char, ink in shown:
        if pieces and pieces[-1][1] is ink:
            pieces[-1] = (Safe(pieces[-1][0] + char), ink)
        else:
            pieces.append((char, ink))
    return tuple(pieces)


def inks_of(text: str, tokens: Sequence[Token], wrong: tuple[int, int] | None = None) -> list[Ink]:
    """(len(text),) the ink of each character: its token's, or that of a mistake."""
    inks: list[Ink] = [Tone.TEXT] * len(text)
    for start, end, tone in tokens:
        inks[start:end] = [tone] * (end - start)
    if wrong is not None:
        start, end = max(0, wrong[0]), min(len(text), wrong[1])
        inks[start:end] = [Part.WRONG] * max(0, end - start)
    return inks
