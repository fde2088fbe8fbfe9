"""What is to be read at length? Pages of text above the screen: the audit log's end, the plugins."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazycelery_core.frame import Row, indented
from lazycelery_core.screens.copying import shown_path
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.popup import Popup
from lazycelery_core.spans import wrap_line
from lazycelery_core.text import clock
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.box import draw_box

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

WIDEST = 116
TAIL = 256 * 1024  # bytes of the audit log that are read; thousands of records
END = 100_000  # lines; no page has as many
MOVES = {  # lines, or parts of the height
    "down": 1, "up": -1, "half_down": 0.5, "half_up": -0.5, "page_down": 0.9, "page_up": -0.9,
    "top": -END, "bottom": END,
}  # fmt: skip


def moved(offset: int, verb: str, height: int) -> int:
    """The first line shown after a key that scrolls."""
    step = MOVES[verb]
    return offset + (int(step * height) if abs(step) < 1 else int(step))


class Page(Popup[None]):
    """A page that scrolls. from_end: its end is shown first."""

    def __init__(self, above: "MainScreen", title: str, lines: Sequence[Line], from_end: bool = False) -> None:
        super().__init__(above)
        self._title, self._lines = title, lines
        self._offset = END if from_end else 0
        self._height = 1

    def draw(self) -> None:
        """Draw the part that is scrolled into view."""
        columns = min(WIDEST, self.size.width - (0 if self.size.width < 100 else 4))
        rows = [Row(()), *indented([part for each in self._lines for part in wrap_line(each, columns - 6)], 2), Row(())]
        self._height = max(1, min(len(rows), self.size.height - 6))
        self._offset = max(0, min(self._offset, len(rows) - self._height))
        end = self._offset + self._height
        more = f"{end} of {len(rows)} lines · " if self._height < len(rows) else ""
        title, info = line((self._title, Tone.TITLE)), line((f"{more}Esc close", Tone.DIM))
        self.show(draw_box(title, info, rows[self._offset : end], columns), columns)

    def press(self, key: str, character: str | None) -> None:
        """Scroll, or close."""
        verb = self.verb(key)
        if verb == "close":
            self.dismiss(None)
        elif verb in MOVES:
            self._offset = moved(self._offset, verb, self._height)
            self.draw()

    def wheel(self, lines: int) -> None:
        """Scroll."""
        self._offset += lines
        self.draw()


class Pages:
    """The handlers that open pages."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    @handles("audit.open")
    def audit(self, _: str) -> None:
        """The end of the audit log."""
        watch, context = self._screen.watched, self._screen.context()
        if watch is None or context is None:
            return
        path = watch.settings.environment.state_path / "audit.jsonl"

        def when(at: float) -> str:
            return clock(at, context.time_mode, context.snapshot.now)

        records = _tail(path)
        lines = [audit_line(record, when(float(record.get("at", 0.0)))) for record in records]
        told = lines or [line(("Nothing was changed yet with this account.", Tone.DIM))]
        self._screen.app.push_screen(Page(self._screen, f"Audit log: {shown_path(path)}", told, from_end=True))

    @handles("plugins.open")
    def plugins(self, _: str) -> None:
        """What is loaded, and what failed."""
        watch = self._screen.watched
        if watch is not None:
            lines = [part for plugin in watch.plugins.found for part in plugin_lines(plugin)]
            self._screen.app.push_screen(Page(self._screen, "Plugins", lines))


def _tail(path: Path) -> list[dict[str, Any]]:
    """The last records of the audit log; lines that are none are left out."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            lines = file.read().splitlines()[int(size > TAIL) :]
    except OSError:
        return []
    records = (_parsed(each) for each in lines)
    return [record for record in records if record is not None]


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def audit_line(record: Mapping[str, Any], when: str) -> Line:
    """`14:32:07  outcome  root@vm  worker.events  worker-1@web-7  ok`."""
    who, targets = record.get("who"), record.get("targets")
    user = f"{who.get('user')}@{who.get('host')}" if isinstance(who, dict) else "?"
    names = [*map(str, targets)] if isinstance(targets, list) else []
    stage = str(record.get("stage", ""))
    error, replies = record.get("error"), record.get("replies")
    end = line((f"  {error}", Tone.ERROR)) if error else line((f"  {_short(replies)}", Tone.DIM)) if replies else ()
    tone = Tone.WARN if stage == "intent" else Tone.ERROR if error else Tone.SUCCESS
    return (
        *line((f"{when}  ", Tone.DIM), (stage.ljust(8), tone), f"  {user}  "),
        *line(
            (str(record.get("action", "")), Tone.STRONG),
            f"  {', '.join(names)}",
        ),
        *end,
    )


def _short(replies: Any) -> str:
    if not isinstance(replies, dict):
        return str(replies)
    return "; ".join(f"{name}: {value}" for name, value in replies.items())


def plugin_lines(plugin: Any) -> list[Line]:
    """A plugin: its name, version and state; what it brings, or why it is not there."""
    good = plugin.state == "loaded"
    head = line((f"{'✓' if good else '▲'} ", Tone.SUCCESS if good else Tone.WARN), (plugin.name.ljust(12), Tone.STRONG),
                (f"{plugin.distribution} {plugin.version}  ", Tone.DIM), (str(plugin.state), Tone.TEXT))  # fmt: skip
    brings = "  ".join(f"{what}: {', '.join(names)}" for what, names in plugin.brings.items() if names)
    why = " ".join(part for part in (plugin.error, plugin.hint) if part)
    more = [line((f"  {brings}", Tone.DIM))] if brings else []
    return [head, *more, *([line((f"  {why}", Tone.WARN))] if why else [])]
