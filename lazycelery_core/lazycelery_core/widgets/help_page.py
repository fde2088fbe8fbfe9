"""How does the help look? Three columns of keys made from what is live, states, plugins; narrower: fewer columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from lazycelery_core.frame import Row
from lazycelery_core.looks import SCHEDULED, TASK_STATES
from lazycelery_core.spans import fit_line, join, line_width, wrap_line
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.tones import Line, Span, Tone, line

KEYS = 14  # cells that keys may take in a column before they are cut
GAP = 2  # cells between columns
STATE_NAMES = [*TASK_STATES.values()][:-1]  # rejected looks like revoked
NOTES = (
    "This page is made from the keys that are live now; those that are off say why.",
    "Mouse: click selects, double click = Enter, right click = actions, wheel scrolls, header click sorts.",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a column: keys, what they do, and why they don't do it now."""

    keys: str
    label: str
    reason: str = ""

    def matches(self, text: str) -> bool:
        """Whether the text stands in it."""
        low = text.lower()
        return low in self.label.lower() or low in self.keys.lower() or low in self.reason.lower()


@dataclass(frozen=True, slots=True)
class Column:
    """A titled column."""

    title: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Page:
    """All that the help says. `plugins`: what they add, each a piece; `warnings`: keys that clash."""

    columns: Sequence[Column]
    plugins: Sequence[str] = ()
    warnings: Sequence[str] = ()


def help_rows(page: Page, cells: int, searched: str = "") -> list[Row]:
    """The lines of the page in `cells` cells. searched: only entries with that text are shown."""
    columns = [
        Column(column.title, [entry for entry in column.entries if not searched or entry.matches(searched)])
        for column in page.columns
    ]
    columns = [column for column in columns if column.entries]
    if not columns:
        return [Row(()), _indent(line((f"No key does {searched}.", Tone.WARN))), Row(())]
    rows = [Row(())]
    for group in _groups(columns, cells):
        rows += [_indent(each) for each in _beside(group, cells - 4)]
        rows.append(Row(()))
    rows += [] if searched else [_indent(each) for each in _legend(page, cells - 4)]
    return [*rows, Row(())]


def _indent(spans: Line) -> Row:
    return Row((Span(Safe("  "), Tone.TEXT), *spans))


def _groups(columns: Sequence[Column], cells: int) -> list[list[Column]]:
    """The columns that stand side by side."""
    beside = 3 if cells >= 96 else 2 if cells >= 66 else 1
    return [[*columns[at : at + beside]] for at in range(0, len(columns), beside)]


def _beside(columns: Sequence[Column], cells: int) -> list[Line]:
    """Columns side by side, each as wide as it must be; the first one gets what is left for its reasons."""
    blocks = [_block(column) for column in columns]
    wishes = [max(line_width(row) for row in block) for block in blocks]
    room = cells - GAP * (len(columns) - 1)
    widths = _shrunk(wishes, room)
    height = max(len(block) for block in blocks)
    rows = []
    for y in range(height):
        parts: list[Span] = []
        for x, (block, wide) in enumerate(zip(blocks, widths, strict=True)):
            parts += fit_line(block[y] if y < len(block) else (), wide)
            parts += [Span(Safe(" " * GAP), Tone.TEXT)] if x < len(blocks) - 1 else []
        rows.append(tuple(parts))
    return rows


def _shrunk(wishes: Sequence[int], room: int) -> list[int]:
    """Widths that fit: what is too much is taken from the widest, what is spare goes to the first."""
    widths = list(wishes)
    while sum(widths) > room and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    widths[0] += max(0, room - sum(widths)) if len(widths) > 1 else 0
    return widths


def _block(column: Column) -> list[Line]:
    keys = min(KEYS, max(width(safe(entry.keys)) for entry in column.entries))
    labels = max([0, *(width(safe(entry.label)) for entry in column.entries if entry.reason)])
    rows = [line((column.title, Tone.ACCENT)), ()]
    for entry in column.entries:
        off = bool(entry.reason)
        head = fit_line(line((entry.keys, Tone.DIM if off else Tone.STRONG)), keys + 2)
        label = line((entry.label, Tone.DIM))
        reason = (*fit_line(label, labels + 1), *line((f" {entry.reason}", Tone.WARN))) if off else label
        rows.append((*head, *reason))
    return rows


def _legend(page: Page, cells: int) -> list[Line]:
    """States, plugins, and how the page is to be read."""
    looks = (*STATE_NAMES, SCHEDULED)
    states = [line((look.glyph, look.tone), (f" {look.word.lower()}", Tone.DIM)) for look in looks]
    rows = [*_packed("STATES   ", states, cells, gap=2), ()]
    if page.plugins:
        rows += [*_packed("PLUGINS  ", [line((each, Tone.DIM)) for each in page.plugins], cells), ()]
    rows += [part for each in page.warnings for part in wrap_line(line((f"▲ {each}", Tone.WARN)), cells)]
    return [*rows, *(part for note in NOTES for part in wrap_line(line((note, Tone.DIM)), cells))]


def _packed(title: str, pieces: Sequence[Line], cells: int, gap: int = 4) -> list[Line]:
    """The pieces behind the title, as many in a line as fit; further lines begin below the first piece."""
    rows: list[list[Line]] = [[]]
    used = len(title)
    for piece in pieces:
        size = line_width(piece) + gap
        if used + size - gap > cells and rows[-1]:
            rows.append([])
            used = len(title)
        rows[-1].append(piece)
        used += size
    heads = [Span(Safe(title), Tone.ACCENT), *[Span(Safe(" " * len(title)), Tone.TEXT)] * len(rows)]
    return [(head, *join(row, Span(Safe(" " * gap), Tone.TEXT))) for head, row in zip(heads, rows, strict=False)]
