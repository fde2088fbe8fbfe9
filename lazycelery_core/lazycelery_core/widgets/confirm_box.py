"""How does a confirmation look? What would be done where, what it breaks, two buttons; the more risk, the louder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lazycelery_core.action import Risk
from lazycelery_core.frame import Painted, Row
from lazycelery_core.spans import cut_line, line_width, wrap_line
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.box import GRAVE, PLAIN, RISKY, Inked, draw_box
from lazycelery_core.widgets.typed import typed_pieces

WIDEST = 74  # cells of the box
LABEL = 9  # cells of the words at the left
FIELD = 28  # cells to type into
LOOKS = {Risk.VIEW: PLAIN, Risk.REVERSIBLE: PLAIN, Risk.TARGET: GRAVE, Risk.MANY: RISKY}
TONES = {Risk.VIEW: Tone.DIM, Risk.REVERSIBLE: Tone.DIM, Risk.TARGET: Tone.WARN, Risk.MANY: Tone.ERROR}
AGAIN = "What it would do is read again before it is sent; if it grew by more than 10 % this dialog comes back."


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is to be confirmed. `warning` stands in the border; `typed` has to be typed, "" where a key will do; `asks`
    says what that text is; `notice`: why the dialog is there once more."""

    title: str
    broker: str
    who: str
    lines: Sequence[Line]
    risk: Risk
    button: str
    warning: str = ""
    typed: str = ""
    asks: str = ""
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Answering:
    """How far the user is: the text typed so far, and which button has the focus (0 cancels, 1 does it)."""

    text: str = ""
    cursor: int = 0
    focused: int = 0

    def ready(self, asked: Confirmation) -> bool:
        """Whether the button that does it can be pressed."""
        return not asked.typed or self.text.strip() == asked.typed


Places = tuple[tuple[int, int], tuple[int, int]]


class Drawn(NamedTuple):
    """The drawn dialog, its width, and the cells of its two buttons (first, end) on the last line but two."""

    lines: list[Painted]
    columns: int
    buttons: Places


def confirm_lines(asked: Confirmation, answer: Answering, cells: int, rows: int = 99) -> Drawn:
    """The dialog in at most `cells` cells and `rows` lines: what is said makes room for the buttons."""
    columns = min(WIDEST, cells)
    inside = columns - 2
    room = inside - 4
    notice = [*wrap_line(line((f"▲ {asked.notice}", Tone.WARN)), room), ()] if asked.notice else []
    facts = [fact("Broker", asked.broker), *asked.lines, fact("Audit", f"written to the audit log as {asked.who}")]
    again = [*wrap_line(line((AGAIN, Tone.DIM)), room), ()] if asked.risk > Risk.REVERSIBLE else []
    told = [*notice, *(part for each in facts for part in hanging(each, room))]
    question = _question(asked, answer, room)
    buttons, places = _buttons(asked, answer, inside)
    spare = rows - len(question) - 6  # border, buttons, and the blank lines around what is told
    again = again if len(told) + len(again) <= spare else []
    if len(told) > spare:
        told = [
            *told[: max(1, spare - 1)],
            line((f"… {len(told) - spare + 1} more lines: enlarge the terminal", Tone.WARN)),
        ]
    body = [Row(()), *map(_indented, told), Row(()), *question, *map(_indented, again), buttons, Row(())]
    title = line((asked.title, Tone.TITLE))
    lines = draw_box(title, line((asked.warning, TONES[asked.risk])), body, columns, LOOKS[asked.risk])
    return Drawn(lines, columns, places)


def fact(label: str, text: str) -> Line:
    """A word at the left and what it says."""
    return line((label.ljust(LABEL), Tone.DIM), text)


def hanging(spans: Line, cells: int) -> list[Line]:
    """The line wrapped, its further lines beginning below what follows the first word."""
    if not spans or line_width(spans) <= cells:
        return [spans]
    head = spans[0]
    blank = Span(Safe(" " * width(head.text)), Tone.TEXT)
    first, *rest = wrap_line(spans[1:], max(10, cells - width(head.text)))
    return [(head, *first), *((blank, *each) for each in rest)]


def _indented(spans: Line) -> Row:
    return Row((Span(Safe("  "), Tone.TEXT), *spans))


def _question(asked: Confirmation, answer: Answering, room: int) -> list[Row | Inked]:
    """What is to be typed, and the field for it."""
    if not asked.typed:
        return []
    words = wrap_line(line(f"Type {asked.asks} to go on: ", (asked.typed, Tone.STRONG)), room)
    cells = min(FIELD, room - 2)
    typed = typed_pieces(answer.text, answer.cursor, [Part.WELL] * len(answer.text), cells)
    rest = Safe(" " * max(0, cells - sum(width(text) for text, _ in typed)))
    field = Inked(((Safe("  "), Tone.TEXT), (Safe(" "), Part.WELL), *typed, (rest, Part.WELL)))
    return [*map(_indented, words), field, Row(())]


def _buttons(asked: Confirmation, answer: Answering, inside: int) -> tuple[Inked, Places]:
    words = [safe("  Cancel  "), safe(f"  {asked.button}  ", inside - 20)]
    hint = line(("   y does it · Esc cancels" if asked.risk is Risk.REVERSIBLE else "   Esc cancels", Tone.DIM))
    inks: list[Ink] = [Part.BUTTON, Part.BUTTON if answer.ready(asked) else Tone.DIM]
    inks[answer.focused] = Part.CURRENT
    used = width(words[0]) + width(words[1]) + 3
    hint = cut_line(hint, max(0, inside - used - 3))
    left = max(2, (inside - used - line_width(hint)) // 2)
    second = left + width(words[0]) + 3
    places = ((left + 1, left + 1 + width(words[0])), (second + 1, second + 1 + width(words[1])))
    pieces = ((Safe(" " * left), Tone.TEXT), (words[0], inks[0]), (Safe("   "), Tone.TEXT), (words[1], inks[1]), *hint)
    return Inked(pieces), places
