"""What do the two top lines say? The connection and the views by their keys; below, where the user is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual import events
from textual.message import Message

from lazycelery_core.frame import Painted, Pieces
from lazycelery_core.pane import View
from lazycelery_core.spans import cut_line, line_width
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Line, Span, Tone
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.skin import Skin

BRAND = Safe(" LazyCelery")
HELP = "[?]"
CRUMB = Span(Safe(" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "), Tone.DIM)


class Command(Message):
    """A word on the frame was clicked that stands for a command."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


@dataclass(frozen=True, slots=True)
class Words:
    """A line and the commands that its cells stand for: (first cell, end, command)."""

    line: Painted
    spots: Sequence[tuple[int, int, str]] = field(default_factory=tuple)


def view_name(view: View, short: bool) -> str:
    """`[O]verview`, `[O]` where there is little room, `[K] Title` when the title does not begin with the key."""
    if short:
        return f"[{view.key}]"
    if view.title[:1] == view.key:
        return f"[{view.key}]{view.title[1:]}"
    return f"[{view.key}] {view.title}"


def header_words(name: str, views: Sequence[View], current: str, cells: int) -> Words:
    """The first line of the screen. View names are spelled out where all of them fit."""
    left: Pieces = ((BRAND, Tone.ACCENT), (safe(f" {name}", 40), Tone.STRONG))
    used = sum(width(text) for text, _ in left)
    names = [(view_name(view, short=False), f"view.{view.id}", view.id == current) for view in views]
    if used + sum(len(each[0]) + 2 for each in names) + len(HELP) + 6 > cells:
        names = [(view_name(view, short=True), f"view.{view.id}", view.id == current) for view in views]
        gap = 1 if cells < 100 else 2
    else:
        gap = 2
    names.append((HELP, "help.open", False))
    return _right_aligned(left, used, names, cells, gap)


def _right_aligned(left: Pieces, used: int, names: Sequence[tuple[str, str, bool]], cells: int, gap: int) -> Words:
    total = sum(len(name) + gap for name, _, _ in names)
    x = max(used + 1, cells - total - 1)
    pieces: list[tuple[Safe, Ink]] = [*left, (Safe(" " * (x - used)), Part.BAR)]
    spots = []
    for name, command, current in names:
        text = safe(f" {name} " if gap == 2 else f"{name} ")
        spots.append((x, x + width(text), command))
        if gap == 1:
            pieces += [(safe(name), Part.CURRENT if current else Part.BAR), (Safe(" "), Part.BAR)]
        else:
            pieces.append((text, Part.CURRENT if current else Part.BAR))
        x += width(text)
    return Words(Painted(before=tuple(pieces)), spots)


def crumb_words(crumbs: Sequence[str], right: Line, cells: int) -> Words:
    """The second line: the way here, and what the view has to say at the right."""
    spans: list[Span] = []
    spots = []
    x = 1
    for index, crumb in enumerate(crumbs):
        last = index == len(crumbs) - 1
        if index:
            spans.append(CRUMB)
            x += width(CRUMB.text)
        text = safe(crumb, 60)
        spans.append(Span(text, Tone.STRONG if last else Tone.DIM))
        if not last:
            spots.append((x, x + width(text), f"crumb.{index}"))
        x += width(text)
    left = cut_line((Span(Safe(" "), Tone.TEXT), *spans), max(10, cells - line_width(right) - 3))
    blank = Span(Safe(" " * max(1, cells - line_width(left) - line_width(right) - 1)), Tone.TEXT)
    return Words(Painted(before=(*left, blank, *right)), spots)


def pane_digits(numbers: Sequence[int], current: int) -> Pieces:
    """`panes 1 2 3`, the shown one set off: the right end of the second line in a small terminal."""
    pieces: list[tuple[Safe, Ink]] = [(Safe("panes"), Tone.DIM)]
    for number in numbers:
        pieces += [(Safe(" "), Tone.DIM), (Safe(str(number)), Part.CURRENT if number == current else Tone.DIM)]
    return tuple(pieces)


class WordsLine(LinesWidget):
    """A line of the frame whose words can be clicked."""

    def __init__(self, skin: Skin, id: str) -> None:  # noqa: A002
        super().__init__(skin, id=id)
        self._spots: Sequence[tuple[int, int, str]] = ()

    def say(self, words: Words) -> None:
        """Show these words."""
        self._spots = words.spots
        self.show([words.line])

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click on a word runs its command."""
        event.stop()
        for start, end, command in self._spots:
            if start <= event.x < end and event.button == 1:
                self.post_message(Command(command))


class Header(WordsLine):
    """The first line."""

    surface: ClassVar[str] = "bar"
