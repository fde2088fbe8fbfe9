"""How does a menu look? Keys, labels and reasons in sections, the chosen entry tinted."""

from collections.abc import Sequence
from dataclasses import dataclass

from lazycelery_core.frame import Row
from lazycelery_core.spans import fit_line, line_width
from lazycelery_core.tones import Span, Tone, line
from lazycelery_core.widgets.box import BLANK, rule, spread

LEAST, MOST = 30, 64  # cells inside


@dataclass(frozen=True, slots=True)
class Item:
    """An entry. `name` says what it does when it is chosen; `reason` why it can't be; `note` something about it."""

    name: str
    keys: str
    label: str
    note: str = ""
    reason: str = ""

    @property
    def enabled(self) -> bool:
        """Whether it can be chosen."""
        return not self.reason


Sections = Sequence[Sequence[Item]]


def inside_width(title: str, sections: Sections, cells: int) -> int:
    """Cells inside the box, at most `cells`."""
    keys = key_width(sections) + 7
    words = [line(f"{each.label}{each.note or each.reason}") for part in sections for each in part]
    wishes = [LEAST, line_width(line(title)) + 2, *(keys + line_width(each) for each in words)]
    return max(1, min(cells, MOST, max(wishes)))


def key_width(sections: Sections) -> int:
    """Cells of the column of keys."""
    return max((line_width(line(each.keys)) for part in sections for each in part), default=0)


def menu_rows(title: str, sections: Sections, chosen: int, cells: int) -> list[Row]:
    """The inside of the menu. chosen: index of the entry, counted over all sections; -1 for none."""
    rows = [Row((BLANK, *line((title, Tone.ACCENT))))]
    keys = key_width(sections)
    index = 0
    for number, part in enumerate(section for section in sections if section):
        if number:
            rows.append(rule(cells))
        for each in part:
            rows.append(Row(_entry(each, keys, cells), index == chosen))
            index += 1
    return rows


def _entry(item: Item, keys: int, cells: int) -> tuple[Span, ...]:
    key, label = (Tone.ACCENT, Tone.TEXT) if item.enabled else (Tone.DIM, Tone.DIM)
    head = (BLANK, *fit_line(line((item.keys, key)), keys + 1))
    right = line((item.reason, Tone.WARN)) if item.reason else line((item.note, Tone.DIM)) if item.note else ()
    return (*head, *spread(line((item.label, label)), right, cells - keys - 3), BLANK)


def row_of_item(sections: Sections, chosen: int) -> int:
    """The line of the inside on which an entry stands."""
    index, row = 0, 1
    for number, part in enumerate(section for section in sections if section):
        row += 1 if number else 0
        if chosen < index + len(part):
            return row + chosen - index
        index += len(part)
        row += len(part)
    return row


def item_at_row(sections: Sections, wanted: int) -> int:
    """The entry on that line of the inside, -1 for none."""
    total = sum(len(part) for part in sections)
    return next((index for index in range(total) if row_of_item(sections, index) == wanted), -1)
