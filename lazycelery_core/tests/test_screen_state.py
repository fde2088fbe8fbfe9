"""Does the way back lead back, and does every key of the host find its handler?"""

from lazycelery_core.canvas import Canvas
from lazycelery_core.host_commands import HOST_COMMANDS, view_commands
from lazycelery_core.keys import WIDE_SCOPES, Command, Keymap
from lazycelery_core.pane import OVERVIEW, TASKS, WORKERS, CanvasPane, DrawContext, Pane, Slot, View
from lazycelery_core.screens import popups
from lazycelery_core.screens.dispatcher import Dispatcher, handles
from lazycelery_core.screens.main import MainScreen
from lazycelery_core.screens.state import RECORD_PANE, Record, ScreenState
from lazycelery_core.text import TimeMode
from lazycelery_core.widgets.skin import Skin


class Box(CanvasPane):
    """A pane that draws nothing."""

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """Nothing."""


def pane(name: str, view: View, slot: Slot = Slot()) -> Pane:  # noqa: B008 - frozen
    """A pane in a view."""
    made: Pane = type(name, (Box,), {"id": name, "view": view, "title": name, "slot": slot})()
    return made


def state() -> ScreenState:
    """Three views, opened at the first."""
    panes = [pane("o1", OVERVIEW), pane("o2", OVERVIEW, Slot(row=1, main=True)), pane("w", WORKERS), pane("t", TASKS)]
    made = ScreenState(panes)
    made.open("overview")
    return made


# --- the state --------------------------------------------------------------------------------------------------------


def test_views_exist_where_panes_name_them_and_come_in_order() -> None:
    assert [view.id for view in state().views] == ["overview", "workers", "tasks"]
    assert not state().open("nowhere")


def test_each_view_remembers_its_focus() -> None:
    here = state()
    assert here.focused == "o2"
    here.focus["overview"] = "o1"
    here.open("tasks")
    assert here.focused == "t"
    here.open("overview")
    assert here.focused == "o1"


def test_steps_deeper_are_crumbs_that_lead_back() -> None:
    here = state()
    here.open("workers", "worker-1")
    here.open("tasks", "charge_card")
    assert here.crumbs() == ["Overview", "worker-1", "charge_card"]
    assert here.back()
    assert (here.view, here.crumbs()) == ("workers", ["Overview", "worker-1"])
    assert here.back()
    assert (here.view, here.focused, here.crumbs()) == ("overview", "o2", ["Overview"])
    assert not here.back()


def test_opening_a_view_by_its_key_begins_a_new_trail() -> None:
    here = state()
    here.open("workers", "worker-1")
    here.open("tasks")
    assert here.crumbs() == ["Tasks"]
    assert here.last_view == "workers"


def test_a_record_on_the_whole_screen_is_a_step_too() -> None:
    here = state()
    here.show(Record("task", object(), "a[1]"))
    here.show(Record("task", object(), "b[2]"))
    assert here.focused == RECORD_PANE
    assert here.crumbs() == ["Overview", "a[1]", "b[2]"]
    here.back()
    assert here.record is not None
    assert here.record.label == "a[1]"
    here.back()
    assert here.record is None


def test_the_clock_goes_round() -> None:
    here = state()
    modes = []
    for _ in range(3):
        here.next_time_mode()
        modes.append(here.time_mode)
    assert modes == [TimeMode.LOCAL, TimeMode.AGO, TimeMode.UTC]


# --- keys -------------------------------------------------------------------------------------------------------------


class Spy:
    """A controller that notes what it handled."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @handles("cursor.*")
    def move(self, how: str) -> None:
        """Every command about the cursor."""
        self.seen.append(f"cursor {how}")

    @handles("cursor.top", "app.quit")
    def special(self, what: str) -> None:
        """Named ones come before the rest."""
        self.seen.append(f"special {what}")


class Around:
    """What a dispatcher asks of a screen."""

    def __init__(self) -> None:
        self.actions: list[str] = []
        self.begun: list[str] = []

    def scopes(self) -> list[str]:
        """Two scopes."""
        return ["on:task", "global"]

    def run_plugin_action(self, command: Command) -> None:
        """Note it."""
        self.actions.append(command.name)

    def sequence_changed(self, begun: str) -> None:
        """Note it."""
        self.begun.append(begun)


def dispatcher() -> tuple[Dispatcher, Spy, Around]:
    """One with a few keys."""
    around, spy = Around(), Spy()
    made = Dispatcher(around)
    made.add(spy)
    made.keys = Keymap(
        [
            Command("cursor.down", "down", ("j",)),
            Command("cursor.top", "top", ("g g",)),
            Command("app.quit", "quit", ("q",)),
            Command("nobody.knows", "?", ("x",)),
        ]
    )
    return made, spy, around


def test_keys_run_handlers_by_name_or_by_the_beginning_of_the_name() -> None:
    made, spy, _ = dispatcher()
    assert [made.press(key) for key in "jqz"] == [True, True, False]
    assert spy.seen == ["cursor down", "special quit"]


def test_sequences_are_collected_told_and_forgotten() -> None:
    made, spy, around = dispatcher()
    for key in ("g", "g", "g", "escape", "g", "z", "j"):
        made.press(key)
    assert spy.seen == ["special top", "cursor down"]
    assert around.begun == ["g", "", "g", "", "g", ""]


def test_a_command_without_a_handler_does_no_harm() -> None:
    made, spy, _ = dispatcher()
    made.press("x")
    assert not made.run_named("nobody.knows")
    assert spy.seen == []


def test_every_command_of_the_host_has_a_handler() -> None:
    screen = MainScreen(Skin())
    popups.attach(screen)
    handled = screen.dispatcher.handled
    commands = (*HOST_COMMANDS, *view_commands([OVERVIEW]))
    names = [command.name for command in commands if command.scope in WIDE_SCOPES]  # others are for open popups
    missing = [name for name in names if name not in handled and f"{name.rpartition('.')[0]}.*" not in handled]
    assert missing == []
