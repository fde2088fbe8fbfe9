"""How does a tab about one record look as text? Lines wrapped, library frames folded; or whatever the tab draws."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lazycelery_core.canvas import Canvas
from lazycelery_core.frame import Row, centred, indented
from lazycelery_core.pane import DetailLine, DetailPane, DetailTab, DrawContext
from lazycelery_core.spans import cut_line, join, wrap_line
from lazycelery_core.text import Safe
from lazycelery_core.tones import Line, Span, Tone, line

WIDEST = 120  # cells; longer lines are hard to read
TAB_SEPARATOR = Span(Safe(" │ "), Tone.DIM)


def tab_names(tabs: Sequence[DetailTab], current: int) -> Line:
    """`details │ config │ stats` for the frame, the open one strong; nothing for a single tab."""
    if len(tabs) < 2:
        return ()
    names = [line((tab.title, Tone.ACCENT if index == current else Tone.DIM)) for index, tab in enumerate(tabs)]
    return join(names, TAB_SEPARATOR)


def detail_rows(
    pane: DetailPane, tab: DetailTab | None, item: Any, context: DrawContext, wrap: bool = True
) -> tuple[list[Row], bool]:
    """All lines of the tab, and whether it drew itself: then they fill the box and there is nothing to scroll."""
    if tab is None or item is None:
        return centred(list(pane.empty(context)), context.width, context.height), True
    inside = replace(context, width=max(1, context.width - 2))
    canvas = Canvas(inside.width, inside.height)
    if tab.draw(canvas, item, inside):
        return indented(canvas.lines()), True
    cells = min(inside.width, WIDEST)
    folded = fold(tab.lines(item, replace(inside, width=cells)), context.folded)
    if not wrap:
        return indented([cut_line(each.spans, inside.width) for each in folded]), False
    return indented([part for each in folded for part in wrap_line(each.spans, cells, each.hang)]), False


def fold(lines: Sequence[DetailLine | Line], folded: bool) -> list[DetailLine]:
    """The lines with each run of library lines replaced by one that counts them."""
    shown: list[DetailLine] = []
    hidden = 0
    for each in lines:
        library = isinstance(each, DetailLine) and each.library
        if library and folded:
            hidden += 1
            continue
        shown += _folded(hidden)
        hidden = 0
        shown.append(each if isinstance(each, DetailLine) else DetailLine(each))
    return shown + _folded(hidden)


def _folded(hidden: int) -> list[DetailLine]:
    return [DetailLine(line((f"  … {hidden} lines in libraries (o shows them)", Tone.DIM)))] if hidden else []
