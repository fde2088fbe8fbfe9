"""Which keys are live here? `?` shows them; `/` searches them. Made from the live keymap, so it can't lie."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lazycelery_core.frame import Row
from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Command
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.offering import Offer, offers_here
from lazycelery_core.screens.pages import MOVES, moved
from lazycelery_core.screens.popup import Popup
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.box import draw_box
from lazycelery_core.widgets.editor import Editor
from lazycelery_core.widgets.help_page import Column, Entry, Page, help_rows

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

WIDEST = 116  # cells of the box; at 120 columns the panes beneath still show at both sides


class Together(NamedTuple):
    """Commands that share a line of the help while all of them are live."""

    names: tuple[str, ...]
    label: str


TOGETHER = (
    Together(("cursor.down", "cursor.up"), "down, up"),
    Together(("cursor.top", "cursor.bottom"), "top, bottom"),
    Together(("cursor.half_down", "cursor.half_up"), "half page"),
    Together(("cursor.page_down", "cursor.page_up"), "page"),
    Together(("columns.left", "columns.right"), "scroll columns"),
    Together(("pane.left", "pane.right"), "pane left, right"),
    Together(("pane.next", "pane.previous"), "next pane, back"),
    Together(("tab.previous", "tab.next"), "tab in pane"),
    Together(("search.open", "search.next", "search.previous"), "search, next"),
    Together(("sort.next", "sort.reverse"), "sort column, reverse"),
    Together(("command.open", "palette.open"), "command, palette"),
)
HERE = ("open.details", "mark.toggle", "menu.open", "copy.open", "export.open")  # they act on what is under the cursor
FIRST = ("search.open", "search.next", "search.previous", "filter.open", "pause.toggle", "app.refresh", "zoom.toggle")
LAST = ("help.open", "app.quit")
BACK = ("app.back", "view.last")
VIEWS_A_LINE = 4
CRUMB = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


class Help:
    """The handler of `?`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    @handles("help.open")
    def open(self, _: str) -> None:
        """Show the keys of the focused pane."""
        screen = self._screen
        widget = screen.stage.focused()
        crumbs = screen.state.crumbs()
        here = [*crumbs, widget.pane.title] if widget is not None and widget.pane.title != crumbs[-1] else crumbs
        numbers = [*screen.stage.arrangement.numbers.values()]
        order = [f"view.{view.id}" for view in screen.state.views]
        offers = sorted(
            offers_here(screen),
            key=lambda offer: order.index(offer.command.name) if offer.command.name in order else -1,
        )
        page = page_of(offers, numbers, plugin_lines(screen), clashes(screen))
        screen.app.push_screen(HelpScreen(screen, CRUMB.join(here), page))


def page_of(offers: Sequence[Offer], panes: Sequence[int], plugins: Sequence[str], warnings: Sequence[str]) -> Page:
    """The help from what is offered. panes: the numbers of the panes that are there."""
    offers = [offer for offer in offers if offer.command.keys or offer.command.conflict]
    here = [offer for offer in offers if _in_this_pane(offer.command)]
    here.sort(key=_place_here)
    move = [offer for offer in offers if offer.command.group == "move" or _is_journey(offer.command)]
    move.sort(key=lambda offer: (_is_journey(offer.command), offer.command.name in BACK))
    wide = [offer for offer in offers if offer not in here and offer not in move and offer.command.group != "views"]
    wide.sort(key=lambda offer: FIRST.index(offer.command.name) if offer.command.name in FIRST else len(FIRST))
    wide.sort(key=lambda offer: offer.command.name in LAST)
    views = [offer.command for offer in offers if offer.command.group == "views"]
    columns = (
        Column("THIS PANE", entries(here)),
        Column("MOVE", entries([offer for offer in move if not offer.command.name.startswith("pane.")
                                or not offer.command.name[5:].isdigit()]) + _digits(panes)),
        Column("EVERYWHERE", entries(wide) + _views(views)),
    )  # fmt: skip
    return Page(columns, plugins, warnings)


def _place_here(offer: Offer) -> int:
    """Details and marks first, then actions, then what can be done with any row."""
    name = offer.command.name
    if name == HERE[0] or name.startswith("mark."):
        return 0
    return 1 if offer.command.action is not None else 2


def _in_this_pane(command: Command) -> bool:
    if command.name in HERE or command.group == "this pane":
        return True
    return command.scope.startswith("on:") and not _is_journey(command)


def _is_journey(command: Command) -> bool:
    """Whether it goes to something related: `g` and a letter."""
    return command.action is not None and bool(command.keys) and command.keys[0].startswith("g ")


def entries(offers: Sequence[Offer]) -> list[Entry]:
    """A line for each command, or for several that belong together."""
    found: list[Entry] = []
    by_name = {offer.command.name: offer for offer in offers if offer.command.keys}
    done: set[str] = set()
    for offer in offers:
        name = offer.command.name
        together = next((each for each in TOGETHER if name in each.names and by_name.keys() >= {*each.names}), None)
        if name in done:
            continue
        if together is None or any(by_name[each].reason for each in together.names):
            found.append(_entry(offer))
            continue
        done.update(together.names)
        keys = [key for each in together.names for key in by_name[each].command.keys[:1]]
        found.append(Entry(" ".join(map(shown_key, keys)), together.label))
    return found


def _entry(offer: Offer) -> Entry:
    command = offer.command
    label = command.label[:1].lower() + command.label[1:] if not command.label[:2].isupper() else command.label
    reason = offer.reason or (f"unbound: {command.conflict}" if not command.keys else "")
    return Entry(" ".join(shown_key(key) for key in command.keys[:2]), label, reason)


def _digits(panes: Sequence[int]) -> list[Entry]:
    if len(panes) < 2:
        return []
    return [Entry(f"{min(panes)}-{max(panes)}", "pane by number")]


def _views(views: Sequence[Command]) -> list[Entry]:
    lines = [views[at : at + VIEWS_A_LINE] for at in range(0, len(views), VIEWS_A_LINE)]
    return [
        Entry(" ".join(shown_key(key) for view in group for key in view.keys[:1]), "views" if at == 0 else "more views")
        for at, group in enumerate(lines)
    ]


def plugin_lines(screen: "MainScreen") -> list[str]:
    """`cluster adds e`, for plugins that brought keys; and how many keys the user changed."""
    keys: dict[str, list[str]] = {}
    for command in screen.dispatcher.keys.commands:
        if command.plugin and command.keys:
            keys.setdefault(command.plugin, []).append(shown_key(command.keys[0]).replace(" ", ""))
    said = [f"{plugin} adds {' '.join(dict.fromkeys(found))}" for plugin, found in keys.items()]
    changed = screen.dispatcher.keys.changed()
    return [*said, f"{changed} key{'s' * (changed > 1)} changed in your config"] if changed else said


def clashes(screen: "MainScreen") -> list[str]:
    """Keys that somebody wanted and did not get."""
    return [
        f"{shown_key(clash.key)} stays {clash.winner}'s: {clash.loser} is unbound"
        for clash in screen.dispatcher.keys.clashes
    ]


class HelpScreen(Popup[None]):
    """The help."""

    def __init__(self, above: "MainScreen", here: str, page: Page) -> None:
        super().__init__(above)
        self._here, self._page = here, page
        self._offset = 0
        self._length = self._height = 1
        self._searching = False
        self._editor = Editor()

    def draw(self) -> None:
        """Draw the part that is scrolled into view."""
        columns = min(WIDEST, self.size.width - (0 if self.size.width < 100 else 2))
        rows = help_rows(self._page, columns - 2, self._editor.text)
        self._height = max(1, min(len(rows), self.size.height - (2 if self.size.height < 30 else 6)))
        self._length = len(rows)
        self._offset = max(0, min(self._offset, self._length - self._height))
        title = line(("Keys here: ", Tone.TITLE), (self._here, Tone.TITLE))
        body = rows[self._offset : self._offset + self._height]
        self.show(draw_box(title, self._info(), [*body, *[Row(())] * (self._height - len(body))], columns), columns)

    def _info(self) -> Line:
        if self._searching:
            return line(("/ ", Tone.ACCENT), self._editor.text, ("▏", Tone.ACCENT), ("  Esc all keys", Tone.DIM))
        more = f"{self._offset + self._height} of {self._length} lines · " if self._length > self._height else ""
        return line((f"{more}/ search keys · Esc close", Tone.DIM))

    def press(self, key: str, character: str | None) -> None:
        """Search, scroll, close."""
        verb = self.verb(key)
        if self._searching:
            self._search(key, character)
        elif verb == "search":
            self._searching = True
        elif verb in MOVES:
            self._offset = moved(self._offset, verb, self._height)
        elif verb == "close" or key == "question_mark":
            self.dismiss(None)
            return
        self.draw()

    def _search(self, key: str, character: str | None) -> None:
        if key == "escape":
            self._editor.set("")
            self._searching = False
        elif key == "enter":
            self._searching = False
        else:
            self._editor.press(key, character)
        self._offset = 0

    def paste(self, text: str) -> None:
        """Search for it."""
        self._searching = True
        self._editor.insert(text)
        self.draw()

    def wheel(self, lines: int) -> None:
        """Scroll."""
        self._offset += lines
        self.draw()
