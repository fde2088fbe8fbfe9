"""How does the export dialog look? Which rows, in which form, to which file."""

from collections.abc import Sequence
from dataclasses import dataclass

from lazycelery_core.frame import Painted, Pieces, Row, indented
from lazycelery_core.spans import wrap_line
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Tone, line
from lazycelery_core.widgets.box import Inked, draw_box
from lazycelery_core.widgets.typed import typed_pieces

WIDEST = 92
LABEL = 10  # cells before what can be chosen
NOTE = "Values are whole, as they were told; secrets stay hidden. The file is readable by you alone."


@dataclass(frozen=True, slots=True)
class Choice:
    """Some words of which one is chosen."""

    label: str
    words: Sequence[str]
    chosen: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ExportForm:
    """What the dialog shows: the choices, the file's name as far as it is typed, and what is wrong with it."""

    title: str
    choices: Sequence[Choice]
    path: str
    cursor: int
    problem: str = ""


def export_lines(form: ExportForm, cells: int) -> tuple[list[Painted], int]:
    """The drawn dialog and its width."""
    columns = min(WIDEST, cells)
    inside = columns - 2
    body: list[Row | Inked] = [Row(()), *(Inked(_choice(each)) for each in form.choices), Row(())]
    room = inside - LABEL - 4
    typed = typed_pieces(form.path, form.cursor, [Part.WELL] * len(form.path), room)
    rest = Safe(" " * max(0, room - sum(width(text) for text, _ in typed)))
    field: Pieces = ((safe("  File".ljust(LABEL)), Tone.DIM), (Safe(" "), Part.WELL), *typed, (rest, Part.WELL))
    body += [Inked(field), Row(())]
    told = line((f"▲ {form.problem}", Tone.WARN)) if form.problem else line((NOTE, Tone.DIM))
    body += indented(wrap_line(told, inside - 4), 2)
    info = line(("Enter writes · Esc closes", Tone.DIM))
    return draw_box(line((form.title, Tone.TITLE)), info, [*body, Row(())], columns), columns


def _choice(choice: Choice) -> Pieces:
    pieces: list[tuple[Safe, Ink]] = [(safe(f"  {choice.label}".ljust(LABEL)), Tone.DIM)]
    for at, word in enumerate(choice.words):
        pieces += [(safe(f" {word} "), Part.CURRENT if at == choice.chosen else Part.BUTTON), (Safe(" "), Tone.TEXT)]
    if choice.hint and len(choice.words) > 1:
        pieces.append((safe(f" {choice.hint}"), Tone.DIM))
    return tuple(pieces)
