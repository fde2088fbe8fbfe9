"""How do panes get into their boxes? A layout that places each widget at the rectangle the frame computed for it."""

from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from lazycelery_core.layout import Rect

NO_MARGIN = Spacing()


class Boxes(Layout):
    """Places widgets at given rectangles; those without one are not shown."""

    name = "boxes"

    def __init__(self) -> None:
        self.rects: dict[Widget, Rect] = {}

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """The placements of all children that have a box."""
        return [
            WidgetPlacement(Region(*self.rects[child]), Offset(0, 0), NO_MARGIN, child)
            for child in children
            if child in self.rects
        ]


class Body(Widget):
    """Everything between the breadcrumbs and the status line."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="body")
        self.boxes = Boxes()

    @property
    def layout(self) -> Layout:
        """How children are placed."""
        return self.boxes

    def put(self, rects: dict[Widget, Rect]) -> None:
        """Place the widgets anew."""
        if rects != self.boxes.rects:
            self.boxes.rects = rects
            self._clear_arrangement_cache()  # refresh() clears those of the ancestors only
            self.refresh(layout=True)
