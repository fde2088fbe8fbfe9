"""How does the palette look? A line to type into, and what fits it best, with the letters that fit set off."""

from collections.abc import Sequence
from dataclasses import dataclass

from lazycelery_core.frame import Painted, Row
from lazycelery_core.spans import line_width
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.theme import Part
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.box import BLANK, Inked, draw_box, rule, spread
from lazycelery_core.widgets.typed import typed_pieces

WIDEST, TALLEST = 76, 16  # cells of the box, entries in sight


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be picked: `text` is what `:` would call it; `own`: it is about the record at hand."""

    text: str
    label: str
    keys: str = ""
    reason: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the places of the letters of `label` that were looked for."""

    entry: Entry
    places: Sequence[int] = ()


def palette_lines(
    typed: str, cursor: int, found: Sequence[Found], chosen: int, total: int, cells: int, rows: int
) -> tuple[list[Painted], int, int]:
    """The drawn box in at most `cells` cells with `rows` entries, its width, and the index of the first entry."""
    columns = min(WIDEST, cells)
    inside = columns - 2
    first = max(0, min(chosen - rows // 2, len(found) - rows))
    typing = typed_pieces(typed, cursor, [Part.WELL] * len(typed), inside - 6)
    rest = Safe(" " * max(0, inside - 5 - sum(width(text) for text, _ in typing)))
    field = Inked(((Safe("  "), Tone.TEXT), (Safe(" "), Part.WELL), *typing, (rest, Part.WELL)))
    body: list[Row | Inked] = [field, rule(inside)]
    body += [
        Row((BLANK, *_entry(each, inside - 2), BLANK), first + at == chosen)
        for at, each in enumerate(found[first : first + rows])
    ]
    if not found:
        body.append(Row((BLANK, *line(("  Nothing is called like that.", Tone.WARN)))))
    body += [Row(())] * (rows + 2 - len(body))
    count = line((f"{len(found)} of {total} · Enter runs · Esc closes", Tone.DIM))
    return draw_box(line(("Commands", Tone.TITLE)), count, body, columns), columns, first


def _entry(found: Found, cells: int) -> Line:
    entry = found.entry
    off = bool(entry.reason)
    label = safe(entry.label, 200)
    places = set(found.places) if label == entry.label else set()
    plain_tone = Tone.DIM if off else Tone.TEXT
    letters = [Span(Safe(char), Tone.ACCENT if at in places else plain_tone) for at, char in enumerate(label)]
    right = line((entry.reason, Tone.WARN)) if off else line((entry.keys, Tone.ACCENT)) if entry.keys else ()
    command = (
        line((f"  :{entry.text}", Tone.DIM)) if line_width(line(entry.label)) + len(entry.text) + 24 < cells else ()
    )
    return spread((BLANK, *letters, *command), right, cells)
