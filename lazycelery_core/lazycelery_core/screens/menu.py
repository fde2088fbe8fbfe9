"""What can be done with this? `a`, a right click, or Space where nothing can be marked: a menu where the cursor is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Command
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.going import label_of
from lazycelery_core.screens.offering import Offer, is_write, offers_here
from lazycelery_core.screens.popup import Popup
from lazycelery_core.widgets.box import draw_box
from lazycelery_core.widgets.menu_box import Item, Sections, inside_width, item_at_row, menu_rows, row_of_item

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

LOOKS = ("open.details",)
TAKES_OUT = ("export.open",)
LISTS = ("mark.all", "filter.open", "search.open", "follow.toggle")
ASKS = ("copy.open", "export.open", "filter.open", "search.open")  # they open something to answer
SELDOM = 3  # journeys from which they get a menu of their own


class MenuScreen(Popup[str]):
    """A menu; its answer is the name of the chosen entry. chosen: the name of the entry that has the cursor first."""

    scope = "menu"

    def __init__(
        self,
        above: "MainScreen",
        title: str,
        sections: Sections,
        corner: tuple[int, int] | None = None,
        chosen: str = "",
    ) -> None:
        super().__init__(above)
        self._title, self._sections = title, [section for section in sections if section]
        self._items = [item for section in self._sections for item in section]
        self._corner = corner
        self._offset = 0
        enabled = [index for index, item in enumerate(self._items) if item.enabled]
        named = [index for index in enabled if self._items[index].name == chosen]
        self._chosen = next(iter([*named, *enabled]), -1)

    def draw(self) -> None:
        """Draw the part that fits, the chosen entry in it."""
        inside = inside_width(self._title, self._sections, self.size.width - 2)
        rows = menu_rows(self._title, self._sections, self._chosen, inside)
        height = max(1, min(len(rows), self.size.height - 4))
        row = row_of_item(self._sections, self._chosen) if self._chosen >= 0 else 0
        self._offset = max(0, min(max(self._offset, row - height + 1), row if row > 1 else 0, len(rows) - height))
        lines = draw_box((), (), rows[self._offset : self._offset + height], inside + 2)
        self.show(lines, inside + 2, self._place(len(lines)))

    def _place(self, height: int) -> tuple[int, int] | None:
        """Below the row it is about; above it where there is more room, so that the row stays in sight."""
        if self._corner is None:
            return None
        x, y = self._corner
        fits = y + height <= self.size.height - 2
        return (x, y) if fits or y - 1 - height < 1 else (x, y - 1 - height)

    def press(self, key: str, character: str | None) -> None:
        """Move, choose, or press an entry's own key."""
        own = next((at for at, item in enumerate(self._items) if item.keys == shown_key(key)), -1)
        verb = self.verb(key)
        if verb == "close":
            self.dismiss(None)
        elif own >= 0 and verb != "choose":
            self._choose(own)
        elif verb in ("down", "up"):
            self._step(1 if verb == "down" else -1)
        elif verb == "choose":
            self._choose(self._chosen)

    def _step(self, step: int) -> None:
        """To the next entry that can be chosen, round the ends."""
        total = len(self._items)
        for walked in range(1, total + 1):
            index = (self._chosen + walked * step) % total
            if self._items[index].enabled:
                self._chosen = index
                break
        self.draw()

    def _choose(self, index: int) -> None:
        if index < 0:
            return
        if self._items[index].enabled:
            self.dismiss(self._items[index].name)
        else:
            self.app.bell()

    def click(self, x: int, y: int) -> None:
        """A click on an entry chooses it."""
        self._choose(item_at_row(self._sections, y - 1 + self._offset))

    def wheel(self, lines: int) -> None:
        """The wheel moves the choice."""
        self._step(lines)


class Menu:
    """The handlers of the menu."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    @handles("menu.open")
    def at_cursor(self, _: str) -> None:
        """Open the menu below the row under the cursor."""
        self._open(self._below_cursor())

    @handles("menu.pointer")
    def at_pointer(self, _: str) -> None:
        """Open the menu where the mouse is."""
        where = self._screen.app.mouse_position
        self._open((where.x, where.y))

    @handles("menu.journeys")
    def journeys(self, _: str) -> None:
        """Open the menu of what is related."""
        offers = [offer for offer in offers_here(self._screen) if is_journey(offer)]
        self._show("Go to", [[item_of(offer, short=True) for offer in offers]], self._below_cursor())

    def _open(self, corner: tuple[int, int] | None) -> None:
        self._show(title_of(self._screen), sections_of(offers_here(self._screen)), corner)

    def _show(self, title: str, sections: Sections, corner: tuple[int, int] | None) -> None:
        if any(sections):
            self._screen.app.push_screen(MenuScreen(self._screen, title, sections, corner), self._chosen)

    def _chosen(self, name: str | None) -> None:
        if name is not None:
            self._screen.dispatcher.run_named(name)

    def _below_cursor(self) -> tuple[int, int] | None:
        widget = self._screen.stage.focused()
        if widget is None or widget.table is None or widget.table.cursor < 0:
            return None
        region, table = widget.region, widget.table
        return region.x + min(24, region.width // 4), region.y + 2 + table.cursor - table.offset + 1


def title_of(screen: "MainScreen") -> str:
    """`3 marked tasks`, or what is under the cursor."""
    targets, kind = screen.targets(), screen.kind_here()
    widget = screen.stage.focused()
    if widget is not None and widget.table is not None and widget.table.marks:
        return f"{len(targets):,} marked {kind or 'row'}{'s' * (len(targets) != 1)}"
    if targets:
        return label_of(targets[0])
    return widget.pane.title if widget is not None else "Actions"


def sections_of(offers: Sequence[Offer]) -> list[list[Item]]:
    """To look at, to change, to take out, to do with the list, everything else."""
    by_name = {offer.command.name: offer for offer in offers}
    own = [offer for offer in offers if offer.command.action is not None]
    journeys = [offer for offer in own if is_journey(offer)]
    apart = len(journeys) >= SELDOM
    apart_too = [*(journeys if apart else []), *(offer for offer in own if is_copy(offer.command))]
    looks = [offer for offer in own if not is_write(offer.command) and offer not in apart_too]
    related = [_journeys(journeys)] if apart else []
    return [
        [*_named(by_name, LOOKS), *(item_of(offer) for offer in looks if offer.command.scope != "global"), *related],
        [item_of(offer) for offer in own if is_write(offer.command)],
        [item_of(offer) for offer in looks if offer.command.scope == "global"],
        [*_copies(by_name, own), *_named(by_name, TAKES_OUT)],
        _named(by_name, LISTS),
        [Item("palette.open", "Ctrl+P", "All commands…")],
    ]


def _named(by_name: Mapping[str, Offer], names: Sequence[str]) -> list[Item]:
    """The host's own entries; those that do nothing in this pane are left out."""
    return [item_of(by_name[name]) for name in names if name in by_name and not by_name[name].reason]


def item_of(offer: Offer, short: bool = False) -> Item:
    """The entry of a command. short: the last key alone, in a menu that stands for the first one."""
    command = offer.command
    keys = shown_key(command.keys[0]) if command.keys else ""
    label = command.label[:1].upper() + command.label[1:]
    label += "…" if command.name in ASKS else ""
    return Item(command.name, keys.split(" ")[-1] if short else keys, label, reason=offer.reason)


def is_journey(offer: Offer) -> bool:
    """Whether it goes to something related: `g` and a letter."""
    return offer.command.action is not None and any(key.startswith("g ") for key in offer.command.keys)


def is_copy(command: Command) -> bool:
    """Whether it is an action that only copies: those stand in the menu of `y`."""
    return command.action is not None and ".copy_" in command.name


def _copies(by_name: Mapping[str, Offer], own: Sequence[Offer]) -> list[Item]:
    """`Copy id · args · call…`."""
    names = [copied(offer.command.label) for offer in own if is_copy(offer.command) and not offer.reason]
    offers = [by_name[name] for name in ("copy.open",) if name in by_name]
    return [replace(item_of(offer), label=f"Copy {' · '.join([*names, 'row'][:4])}…") for offer in offers]


def copied(label: str) -> str:
    """`Copy task id…` as `task id`."""
    return label.removeprefix("Copy ").rstrip("…")


def _journeys(offers: Sequence[Offer]) -> Item:
    labels = (offer.command.label.rstrip("…").lower() for offer in offers if not offer.reason)
    words = ", ".join(label.removeprefix("go to ").removeprefix("its ") for label in labels)
    return Item("menu.journeys", "g", f"Go to: {words}" if words else "Go to…", reason="" if words else "nowhere")
