"""What is a pane? A pure function of a snapshot that says which view and slot it wants. No Textual here.

Three kinds: `TablePane` (rows and columns), `CanvasPane` (free drawing), `DetailPane` (the tabs of what is selected in
another pane). `DetailTab`s come from any plugin and appear wherever an object of their kind is shown.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from lazycelery_core.canvas import Canvas
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import TimeMode
from lazycelery_core.tones import Line, Span, Tone, line, span

__all__ = [
    "HEALTH",
    "OVERVIEW",
    "QUEUES",
    "TASKS",
    "WORKERS",
    "CanvasPane",
    "Cell",
    "Column",
    "DetailLine",
    "DetailPane",
    "DetailTab",
    "DrawContext",
    "Line",
    "Pane",
    "Rows",
    "Slot",
    "Span",
    "TablePane",
    "Tone",
    "View",
    "line",
    "span",
]  # fmt: skip

Cell = Line


@dataclass(frozen=True, slots=True)
class View:
    """A screenful of panes. It exists when some pane names it. `key` opens it; `order` places it in the header."""

    id: str
    title: str
    key: str
    order: int


OVERVIEW = View("overview", "Overview", "O", 0)
WORKERS = View("workers", "Workers", "W", 10)
QUEUES = View("queues", "Queues", "Q", 20)
TASKS = View("tasks", "Tasks", "T", 30)
HEALTH = View("health", "Health", "H", 90)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a pane stands in its view.

    area: `left` (a column), `centre` (rows, the rest), `right` (a column, wide terminals), `bottom` (full width).
    row, order: panes of one row stand side by side in `order`; rows are stacked. In left/right only `order` counts.
    height: preferred lines with border, None shares what is left. width: preferred cells within its row (or of its
    column), None shares. min_width: the pane is shown only in terminals at least this wide. main: the pane that is
    focused first and the only one left in a small terminal.
    """

    area: Literal["left", "centre", "right", "bottom"] = "centre"
    row: int = 0
    order: int = 0
    height: int | None = None
    width: int | None = None
    min_width: int = 0
    main: bool = False


@dataclass(frozen=True, slots=True)
class DrawContext:
    """What a drawing may depend on besides its data. `width`, `height` in cells; `selected` maps pane id -> the record
    under that pane's cursor; `follow` and `paused` as the user set them; `folded`: library frames are folded away."""

    snapshot: Snapshot
    width: int = 0
    height: int = 0
    focused: bool = False
    time_mode: TimeMode = TimeMode.UTC
    selected: Mapping[str, Any] = field(default_factory=dict)
    follow: bool = False
    paused: bool = False
    folded: bool = True


class Pane(ABC):
    """Common to all panes. `id` is `<view>.<name>` and unique; `plugin` is set by the host."""

    id: ClassVar[str]
    view: ClassVar[View]
    title: ClassVar[str]
    slot: ClassVar[Slot] = Slot()
    plugin: str = ""

    def heading(self, context: DrawContext) -> str:
        """The title drawn in the frame; may name what is shown."""
        return self.title

    def info(self, context: DrawContext) -> Line:
        """Short text at the right end of the frame's top line."""
        return ()

    def summary(self, snapshot: Snapshot) -> Line:
        """One short line that stands for the pane when there is no room for it; empty: nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `cell` draws a record in `context.width` cells (spans longer than that are cut).

    width: preferred cells; min_width: least, below it the column is dropped; grow: share of spare cells.
    priority: columns with the highest number are dropped first. sort: key of a record, None when not sortable;
    `value` is what exports hold. cut: where too long text is cut.
    """

    id: str
    title: str
    cell: Callable[[Any, DrawContext], Cell]
    width: int
    min_width: int = 0
    grow: int = 0
    priority: int = 0
    align: Literal["left", "right"] = "left"
    sort: Callable[[Any], Any] | None = None
    value: Callable[[Any], Any] | None = None
    cut: Literal["end", "middle"] = "end"


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer of a table to a query. `items` may be lazy (indexing and len only). `total` before filtering.

    `matched` is the number of matches, None while still being counted. `note` explains what is incomplete.
    """

    items: Sequence[Any]
    total: int
    matched: int | None = None
    note: str = ""


class TablePane(Pane):
    """A table. `on` is the kind of its records (`task`, `worker`, `queue`, `message` ...): actions and detail tabs of
    that kind apply to them. `default_sort` is a column id, "" for the given order."""

    on: ClassVar[str] = ""
    columns: ClassVar[Sequence[Column]]
    default_sort: ClassVar[str] = ""
    default_reverse: ClassVar[bool] = False
    markable: ClassVar[bool] = True
    follows: ClassVar[bool] = False  # newest rows come first and may be followed

    @abstractmethod
    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """The records to show, filtered and sorted. Runs off the UI thread; must not keep state."""

    @abstractmethod
    def key(self, item: Any) -> str:
        """The identity of a record: the cursor and the marks stay on it when rows move."""

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """Lines below the rows: warnings and explanations."""
        return ()

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """What stands there when there is no row: what, why, and the key that helps."""
        return (line(("Nothing here.", Tone.DIM)),)


class CanvasPane(Pane):
    """A pane that draws itself."""

    @abstractmethod
    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """Draw into the canvas (the inside of the frame)."""


@dataclass(frozen=True, slots=True)
class DetailLine:
    """A line of a detail tab. Lines with `library` are folded into one "n library frames" line until `o`.

    hang: cells by which the rest of a line that is too long is indented, such as the width of its label.
    """

    spans: Line
    library: bool = False
    hang: int = 0


class DetailTab(ABC):
    """One tab about a record of kind `on`. `order` places it; override `lines`, or `draw` for free drawing."""

    on: ClassVar[str]
    id: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int] = 50
    plugin: str = ""

    def lines(self, item: Any, context: DrawContext) -> Sequence[DetailLine | Line]:
        """The tab's text; it scrolls and wraps."""
        return ()

    def draw(self, canvas: Canvas, item: Any, context: DrawContext) -> bool:
        """Draw freely instead and return True; the default returns False and the text is shown."""
        return False

    def applies(self, item: Any, snapshot: Snapshot) -> bool:
        """Whether the tab has anything to say about this record."""
        return True


class DetailPane(Pane):
    """Shows the tabs of kind `on` for the record selected in pane `of`; tabs are those of all plugins."""

    on: ClassVar[str]
    of: ClassVar[str]
    tabs: ClassVar[Sequence[str]] = ()  # which of its plugin's own tabs are shown here, by id; () for all

    def empty(self, context: DrawContext) -> Sequence[Line]:
        """What stands there while nothing is selected."""
        return (line(("Nothing selected.", Tone.DIM)),)
