"""How is a traceback read? Frames with their source, the libraries' apart, chained exceptions one after the other."""

import re
from collections.abc import Iterator, Sequence

from lazycelery_core.pane import DetailLine
from lazycelery_core.text import Safe, safe_lines
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_plugin_tasks.code import coloured_line

MOST = 3_000  # lines of a traceback; Python itself folds deeper recursion
SOURCE = 500  # characters of a source line
_FRAME = re.compile(r'\s*File "(.{1,1000}?)", line (\d{1,9})(?:, in (.{1,500}))?$')
_MARKS = re.compile(r"[\s~^]+\Z")
_LIBRARY = re.compile(
    r"(?:site|dist)-packages[/\\]|[/\\]lib(?:64)?[/\\]python\d|[/\\]Lib[/\\]|^<frozen |"
    r"(?:^|[/\\])celery[/\\]app[/\\]trace\.py$"
)
_CHAINED = {
    "The above exception was the direct cause of the following exception:": "which caused",
    "During handling of the above exception, another exception occurred:": "and while that was handled",
}
_HEAD = "Traceback (most recent call last):"


def is_library(path: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    return _LIBRARY.search(path) is not None


def traceback_lines(text: str) -> list[DetailLine]:
    """A printed traceback as lines; what does not look like one stays as it is."""
    return list(_read(safe_lines(text, max_lines=MOST)))


def _read(lines: Sequence[Safe]) -> Iterator[DetailLine]:
    number, library, inside = "", False, False
    for text in lines:
        found = _FRAME.match(text)
        if found:
            number, library, inside = found[2], is_library(found[1]), True
            yield DetailLine(_frame(found[1], number, found[3] or ""), library)
        elif inside and text.startswith("    "):
            yield DetailLine(_source(Safe(text[4:]), number), library)
            number = ""  # further lines of one statement have no number of their own
        elif text.startswith("  [Previous line repeated"):
            yield DetailLine(line((text, Tone.DIM)), library)
        elif text in _CHAINED:
            inside = False
            yield from _chained(_CHAINED[text])
        elif text.strip() and text != _HEAD:
            yield DetailLine(line((text, Tone.TEXT if inside and text.startswith(" ") else Tone.FAILURE)))
            inside = False


def _chained(words: str) -> Iterator[DetailLine]:
    yield DetailLine(())
    yield DetailLine(line((f"── {words} ──", Tone.WARN)))
    yield DetailLine(())


def _frame(path: str, number: str, function: str) -> Line:
    """`▾ orders/tasks.py:45  in charge_card`."""
    where = line(("▾ ", Tone.DIM), (path, Tone.FIELD), (f":{number}", Tone.FIELD))
    return (*where, *line(("  in ", Tone.DIM), function)) if function else where


def _source(text: Safe, number: str) -> Line:
    """`   45 │ charge(amount, card)`, or the marks below it."""
    gutter = Span(Safe(f"{number:>6} │ "), Tone.DIM)
    if _MARKS.match(text):
        return (gutter, Span(text, Tone.FAILURE))
    return (gutter, *coloured_line(Safe(text[:SOURCE])))
