"""Which keys work here? The last line of the screen, printed from the live keymap."""

from collections.abc import Sequence
from typing import ClassVar

from lazycelery_core.frame import Painted
from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Keymap
from lazycelery_core.spans import line_width
from lazycelery_core.text import Safe
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.lines import LinesWidget

LAST = "help.open"  # stands at the right end, whatever else fits


def footer(keys: Keymap, scopes: Sequence[str]) -> list[tuple[str, str, str]]:
    """(command name, key, label) of what deserves a place here, in order."""
    shown = [command for command in keys.live(scopes) if command.footer and command.keys]
    shown.sort(key=lambda command: command.footer)
    return [(command.name, shown_key(command.keys[0]), command.label) for command in shown]


def key_line(entries: Sequence[tuple[str, str, str]], cells: int, begun: str = "") -> Painted:
    """The line in that many cells. begun: the keys of a sequence that waits for its next one."""
    last: Line = next((line((f"{key} help", Tone.DIM)) for name, key, _ in entries if name == LAST), ())
    left: list[Span] = [Span(Safe(" "), Tone.TEXT)]
    if begun:
        left += [*line((f"{shown_key(begun)} …", Tone.ACCENT)), Span(Safe("  "), Tone.TEXT)]
    room = cells - line_width(last) - 4
    for name, key, label in entries:
        words = line((key, Tone.ACCENT), (f" {label.lower()}  ", Tone.TEXT))
        if name == LAST:
            continue
        if line_width(tuple(left)) + line_width(words) - 2 > room:
            break
        left += words
    blank = Span(Safe(" " * max(1, cells - line_width(tuple(left)) - line_width(last) - 2)), Tone.TEXT)
    return Painted(before=(*left, blank, *last))


class KeyLine(LinesWidget):
    """The key line of the screen."""

    surface: ClassVar[str] = "bar"
