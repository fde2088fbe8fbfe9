"""How does a popup look? A box with a title, what can be done about it at the right, and lines inside."""

from collections.abc import Sequence
from typing import NamedTuple

from lazycelery_core.frame import Painted, Pieces, Row
from lazycelery_core.spans import cut_line, fit_line, line_width
from lazycelery_core.text import Safe, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Line, Span, Tone

BLANK = Span(Safe(" "), Tone.TEXT)


class BoxLook(NamedTuple):
    """The characters of a border (four corners, side, across) and its colour."""

    characters: str
    ink: Ink


PLAIN = BoxLook("╭╮╰╯│─", Part.FOCUS)
GRAVE = BoxLook("┏┓┗┛┃━", Tone.WARN)
RISKY = BoxLook("┏┓┗┛┃━", Tone.FAILURE)


class Inked(NamedTuple):
    """A line of a popup's inside in which parts of the frame stand: a button, a field to type into."""

    pieces: Pieces


def draw_box(
    title: Line, info: Line, body: Sequence[Row | Inked], columns: int, look: BoxLook = PLAIN
) -> list[Painted]:
    """(len(body) + 2,) lines of `columns` cells: the body, cut or filled to the inside, with a border around it."""
    corner, corner_right, low, low_right, side, across = tuple(look.characters)
    edge: Pieces = ((Safe(side), look.ink),)
    inside = columns - 2
    return [
        Painted(before=_top(title, info, columns, f"{corner}{across}", f"{across}{corner_right}", look)),
        *(_between(edge, row, inside) for row in body),
        Painted(before=((Safe(low + across * inside + low_right), look.ink),)),
    ]


def _between(edge: Pieces, row: Row | Inked, inside: int) -> Painted:
    if isinstance(row, Row):
        return Painted(edge, fit_line(row.inside, inside), edge, row.cursor)
    missing = inside - sum(width(text) for text, _ in row.pieces)
    return Painted(edge, (*row.pieces, (Safe(" " * max(0, missing)), Tone.TEXT)), edge)


def _top(title: Line, info: Line, columns: int, left: str, right: str, look: BoxLook) -> Pieces:
    room = columns - 4
    info = cut_line(info, max(0, room - 6)) if line_width(title) + line_width(info) + 6 > room else info
    title = cut_line(title, max(0, room - 2 - (line_width(info) + 2 if info else 0)))
    words = (BLANK, *title, BLANK) if title else ()
    end = (BLANK, *info, BLANK) if info else ()
    fill = max(0, room - line_width(words) - line_width(end))
    return ((Safe(left), look.ink), *words, (Safe(look.characters[5] * fill), look.ink), *end, (Safe(right), look.ink))


def rule(cells: int) -> Row:
    """A line across the inside of a popup, between two groups of entries."""
    return Row((BLANK, Span(Safe("─" * max(0, cells - 2)), Tone.DIM)))


def spread(left: Line, right: Line, cells: int) -> Line:
    """The one at the left and the other at the right of so many cells; the right one is kept when they don't fit."""
    right = cut_line(right, cells)
    left = cut_line(left, max(0, cells - line_width(right) - (1 if right else 0)))
    return (*left, Span(Safe(" " * max(0, cells - line_width(left) - line_width(right))), Tone.TEXT), *right)
