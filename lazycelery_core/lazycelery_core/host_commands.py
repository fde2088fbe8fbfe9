"""What can be done with the frame itself, by which key? The host's commands as data; handlers stand in `screens`.

A name is `<thing>.<verb>`; `screens.dispatcher` finds the handler of that name. Views and panes by number are commands
too, so they can be given other keys like everything else.
"""

from collections.abc import Iterable

from lazycelery_core.keys import Command
from lazycelery_core.pane import View


def _here(name: str, keys: str, label: str, *, scope: str = "global", footer: int = 0, text: str = "") -> Command:
    group = {"table": "this pane", "detail": "this pane"}.get(scope, "everywhere")
    return Command(name, label, _keys(keys), scope, text, group, footer)


def _move(name: str, keys: str, label: str, *, scope: str = "global", text: str = "") -> Command:
    return Command(name, label, _keys(keys), scope, text, "move")


def _modal(name: str, keys: str, label: str) -> Command:
    return Command(name, label, _keys(keys), name.partition(".")[0], "", "popups")


def _keys(keys: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.split(",") if key.strip())


HOST_COMMANDS: tuple[Command, ...] = (
    _here("app.quit", "q, ctrl+q", "quit"),
    _here("help.open", "question_mark", "this help", footer=99),
    _here("app.refresh", "r, f5, ctrl+r", "refresh", text="ask everything again now, revive a failed pane"),
    _here("search.open", "slash", "search", footer=40, text="find rows; nothing is hidden"),
    _here("search.next", "n", "next match"),
    _here("search.previous", "N", "previous match"),
    _here("filter.open", "f", "filter", footer=41, text="show only rows that match"),
    _here("follow.toggle", "F", "follow", scope="table", footer=42, text="hold the newest row in view"),
    _here("pause.toggle", "p", "pause screen", text="what is drawn stands still; collecting goes on"),
    _here("zoom.toggle", "z", "zoom pane"),
    _here("time.cycle", "u", "UTC, local, ago"),
    _here("menu.open", "a", "actions", footer=30, text="everything that can be done here, and why not"),
    _here("open.details", "enter", "details", footer=10),
    _here("command.open", "colon", "command"),
    _here("palette.open", "ctrl+p", "palette"),
    _here("range.open", "ctrl+t", "time range", text="show only what happened then: 15m, 13:00..14:00"),
    _here("app.redraw", "ctrl+l", "redraw"),
    _here("copy.open", "y", "copy", footer=70, text="id, arguments, the whole row"),
    _here("export.open", "Y", "export", text="rows to a file"),
    _here("theme.choose", "", "theme", text="other colours, at once"),
    _here("columns.choose", "", "columns", text="show and hide columns", scope="table"),
    _here("set.value", "", "set", text="time, glyphs or theme, for this run"),
    _here("plugins.open", "", "plugins", text="what is loaded, and what failed"),
    _here("audit.open", "", "audit log", text="what was changed, by whom, and how it ended"),
    _here("go.worker", "", "worker by name"),
    _here("go.queue", "", "queue by name"),
    _here("go.task", "", "task by id"),
    _move("app.back", "escape", "back", text="close, clear marks, clear filter, one view back"),
    _move("view.last", "grave_accent", "last view"),
    _move("cursor.down", "j, down", "down"),
    _move("cursor.up", "k, up", "up"),
    _move("cursor.top", "g g, home", "top"),
    _move("cursor.bottom", "G, end", "bottom"),
    _move("cursor.half_down", "ctrl+d", "half page down"),
    _move("cursor.half_up", "ctrl+u", "half page up"),
    _move("cursor.page_down", "pagedown", "page down"),
    _move("cursor.page_up", "pageup", "page up"),
    _move("columns.left", "left", "scroll columns left"),
    _move("columns.right", "right", "scroll columns right"),
    _move("pane.next", "tab", "next pane"),
    _move("pane.previous", "shift+tab", "previous pane"),
    _move("pane.left", "h", "pane to the left"),
    _move("pane.right", "l", "pane to the right"),
    *(_move(f"pane.{number}", f"{number}", f"pane {number}") for number in range(1, 10)),
    _move("tab.next", "right_square_bracket", "next tab"),
    _move("tab.previous", "left_square_bracket", "previous tab"),
    _move("item.next", "right_curly_bracket", "next of its list", scope="detail"),
    _move("item.previous", "left_curly_bracket", "previous of its list", scope="detail"),
    _here("mark.toggle", "space", "mark", footer=20),
    _here("mark.range", "v", "mark a range", scope="table"),
    _here("mark.all", "asterisk", "mark all shown", scope="table"),
    _here("sort.next", "s", "sort by next column", scope="table"),
    _here("sort.reverse", "o", "reverse order", scope="table"),
    _here("text.wrap", "w", "wrap lines", scope="detail"),
    _here("text.fold", "o", "library frames", scope="detail", text="show or fold lines of libraries"),
    _modal("prompt.accept", "enter", "apply"),
    _modal("prompt.leave", "escape", "leave, all as before"),
    _modal("prompt.complete", "tab", "complete"),
    _modal("prompt.up", "up, ctrl+p, shift+tab", "offer above, then older texts"),
    _modal("prompt.down", "down, ctrl+n", "offer below, newer texts"),
    _modal("prompt.clear", "ctrl+u", "clear"),
    _modal("prompt.switch", "ctrl+f", "search instead of filter, and back"),
    _modal("prompt.save", "ctrl+s", "keep the filter under a name"),
    _modal("dialog.next", "tab, shift+tab", "other button"),
    _modal("dialog.push", "enter", "push the button"),
    _modal("dialog.yes", "y", "do it, where it can be undone"),
    _modal("dialog.close", "escape", "cancel"),
    _modal("menu.down", "down, j, tab, ctrl+n", "next entry"),
    _modal("menu.up", "up, k, shift+tab, ctrl+p", "entry before"),
    _modal("menu.choose", "enter, space", "choose"),
    _modal("menu.close", "escape, q, a", "close"),
    _modal("page.down", "j, down", "down"),
    _modal("page.up", "k, up", "up"),
    _modal("page.half_down", "ctrl+d", "half page down"),
    _modal("page.half_up", "ctrl+u", "half page up"),
    _modal("page.page_down", "pagedown, space", "page down"),
    _modal("page.page_up", "pageup", "page up"),
    _modal("page.top", "g, home", "top"),
    _modal("page.bottom", "G, end", "bottom"),
    _modal("page.search", "slash", "search in the help"),
    _modal("page.close", "escape, q, enter", "close"),
)

# How keys are written on the screen, where their name is not what is printed on them.
_SHOWN = {
    "question_mark": "?", "slash": "/", "colon": ":", "asterisk": "*", "grave_accent": "`", "plus": "+", "minus": "-",
    "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{", "right_curly_bracket": "}",
    "full_stop": ".", "comma": ",", "equals_sign": "=", "enter": "Enter", "space": "Space", "escape": "Esc",
    "tab": "Tab", "shift+tab": "Shift+Tab", "up": "↑", "down": "↓", "left": "←", "right": "→", "home": "Home",
    "end": "End", "pageup": "PgUp", "pagedown": "PgDn", "backspace": "Backspace", "delete": "Del",
}  # fmt: skip


def shown_key(keys: str) -> str:
    """`ctrl+d`, `g w`, `question_mark` as people read them: `Ctrl+D`, `g w`, `?`."""
    return " ".join(map(_shown, keys.split()))


def _shown(key: str) -> str:
    if key in _SHOWN:
        return _SHOWN[key]
    if key.startswith("ctrl+"):
        return f"Ctrl+{_shown(key[5:]).capitalize()}"
    return key.upper() if key[:1] == "f" and key[1:].isdigit() else key


def view_commands(views: Iterable[View]) -> list[Command]:
    """A command for each view, on the view's key."""
    return [Command(f"view.{view.id}", view.title, (view.key,), "global", "", "views") for view in views]
