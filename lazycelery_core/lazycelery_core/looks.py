"""How does a state look, and how does a number look as a bar? One table of glyphs and words for every view.

Line charts over time are in `charts.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from lazycelery_core.model import LinkState, Task, TaskState, WorkerState
from lazycelery_core.text import Safe
from lazycelery_core.tones import Line, Span, Tone


class Look(NamedTuple):
    """A glyph, the word beside it, and the tone of both."""

    glyph: Safe
    word: Safe
    tone: Tone

    @property
    def line(self) -> Line:
        """`► STARTED`."""
        return (Span(Safe(f"{self.glyph} {self.word}"), self.tone),)


def _look(glyph: str, word: str, tone: Tone) -> Look:
    return Look(Safe(glyph), Safe(word), tone)


SCHEDULED = _look("◷", "SCHEDULED", Tone.SCHEDULED)
TASK_STATES: Mapping[TaskState, Look] = {
    TaskState.PENDING: _look("◌", "PENDING", Tone.PENDING),
    TaskState.RECEIVED: _look("◔", "RECEIVED", Tone.RECEIVED),
    TaskState.STARTED: _look("►", "STARTED", Tone.STARTED),
    TaskState.RETRY: _look("↻", "RETRY", Tone.RETRY),
    TaskState.SUCCESS: _look("✓", "SUCCESS", Tone.SUCCESS),
    TaskState.FAILURE: _look("✗", "FAILURE", Tone.FAILURE),
    TaskState.REVOKED: _look("⊘", "REVOKED", Tone.REVOKED),
    TaskState.REJECTED: _look("⊘", "REJECTED", Tone.REVOKED),
}
WORKER_STATES: Mapping[WorkerState, Look] = {
    WorkerState.ONLINE: _look("●", "online", Tone.SUCCESS),
    WorkerState.LATE: _look("◐", "late", Tone.WARN),
    WorkerState.MUTE: _look("◐", "mute", Tone.WARN),
    WorkerState.OFFLINE: _look("○", "offline", Tone.PENDING),
}
LINK_STATES: Mapping[LinkState, Look] = {
    LinkState.STARTING: _look("◌", "starting", Tone.PENDING),
    LinkState.LIVE: _look("●", "live", Tone.SUCCESS),
    LinkState.SLOW: _look("◐", "slow", Tone.WARN),
    LinkState.RETRYING: _look("✗", "lost", Tone.FAILURE),
    LinkState.REFUSED: _look("▲", "refused", Tone.WARN),
}
WARNING = Safe("▲")
EVENT_LOOKS: Mapping[str, Look] = {
    "task-sent": _look("◌", "sent", Tone.PENDING),
    "task-received": _look("◔", "received", Tone.RECEIVED),
    "task-started": _look("►", "started", Tone.STARTED),
    "task-succeeded": _look("✓", "succeeded", Tone.SUCCESS),
    "task-failed": _look("✗", "failed", Tone.FAILURE),
    "task-retried": _look("↻", "retried", Tone.RETRY),
    "task-revoked": _look("⊘", "revoked", Tone.REVOKED),
    "task-rejected": _look("⊘", "rejected", Tone.REVOKED),
    "worker-online": _look("●", "online", Tone.SUCCESS),
    "worker-heartbeat": _look("●", "heartbeat", Tone.DIM),
    "worker-offline": _look("○", "offline", Tone.PENDING),
}
OTHER_EVENT = _look("·", "event", Tone.DIM)


def task_look(task: Task, now: float) -> Look:
    """The look of a task: SCHEDULED while a worker holds it for a time to come, else its state's."""
    waits = task.state is TaskState.RECEIVED and task.eta is not None and task.eta > now
    return SCHEDULED if waits else TASK_STATES[task.state]


# Every character drawn by the host and its plugins that is not ASCII, by the one that stands for it where
# `glyphs = "ascii"`. Each takes one cell.
_ASCII = {
    "+": "✓▒╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋┡┩╻╹╸╺",
    "*": "●•",
    "x": "✗×",
    "~": "↻",
    "^": "▲↑",
    "v": "▼▾↓",
    "%": "◐▇▓",
    ">": "►▸›→",  # noqa: RUF001
    "<": "←",
    "o": "◔",
    ".": "◌○…·▃",
    "-": "⊘–╌─━▄",
    "@": "◷",
    "#": "■█▌▋▊▉",
    "I": "‖",
    ":": "┊╎░",
    "|": "│┃▏▎▍",
    "_": "▁▂",
    "=": "▅▆",
}


def _dots_to_ascii(bits: int) -> str:
    """A Braille cell as the character whose ink stands as high."""
    rows = [bool(bits & mask) for mask in (0x09, 0x12, 0x24, 0xC0)]
    return "|" if sum(rows) > 2 else "'" if rows[0] else "-" if rows[1] or rows[2] else "."


ASCII: Mapping[int, str] = {ord(char): plain for plain, chars in _ASCII.items() for char in chars} | {
    0x2800 + bits: _dots_to_ascii(bits) for bits in range(1, 256)
}  # for `str.translate`

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉█"


def spark(values: Sequence[float | None], cells: int, top: float | None = None) -> Safe:
    """(n,) values >= 0, oldest first, as one line of `cells` eighth blocks from 0 to `top` (default: the greatest).

    More values than cells: each cell shows the greatest of its share, so no peak is lost. Fewer: drawn at the right.
    None is a blank, 0 the lowest block.
    """
    shown = shares(values, cells, max)
    most = max((value for value in shown if value is not None), default=0.0) if top is None else top
    blocks = "".join(" " if value is None else _EIGHTHS[_eighths(value, most, least=1)] for value in shown)
    return Safe(blocks.rjust(cells))


def spark_tall(values: Sequence[float | None], cells: int, rows: int, top: float | None = None) -> list[Safe]:
    """The same over several lines, the uppermost first."""
    shown = [0.0 if value is None else value for value in shares(values, cells, max)]
    most = max(shown, default=0.0) if top is None else top
    heights = [value * rows / most if most > 0 else 0.0 for value in shown]
    lines = ("".join(_EIGHTHS[_eighths(height - row, 1.0)] for height in heights) for row in reversed(range(rows)))
    return [Safe(text.rjust(cells)) for text in lines]


def hbar(fraction: float | None, cells: int) -> Safe:
    """A bar of `cells` cells, filled from the left; above 1 it is full, anything above 0 can be seen."""
    if fraction is None or not fraction > 0:
        return Safe(" " * max(0, cells))
    eighths = max(1, round(min(1.0, fraction) * cells * 8))
    full, rest = divmod(eighths, 8)
    return Safe(("█" * full + (_PARTS[rest] if rest else "")).ljust(cells)[: max(0, cells)])


def _eighths(value: float, most: float, least: int = 0) -> int:
    if most <= 0 or not value > 0:
        return least
    return max(1, min(8, round(value / most * 8)))


def shares(values: Sequence[float | None], cells: int, join: Callable[[Sequence[float]], float]) -> list[float | None]:
    """At most `cells` values: equal shares of the given ones, joined; None where a share has no value."""
    known = [None if value is None or not isfinite(value) else value for value in values]
    cells = max(0, cells)
    if len(known) <= cells:
        return known
    edges = [index * len(known) // cells for index in range(cells + 1)] if cells else [0]
    shares = ([value for value in known[a:b] if value is not None] for a, b in pairwise(edges))
    return [join(share) if share else None for share in shares]
