"""What does watching cost: this machine, the broker, the line to the terminal?"""

from collections.abc import Iterator

from lazycelery_core.canvas import Canvas
from lazycelery_core.pane import HEALTH, CanvasPane, DrawContext, Slot
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import UNKNOWN, count, duration, percent, rate, size
from lazycelery_core.tones import Line, Tone, line

LABEL = 10  # cells
BUSY = 0.5  # of a core; more is worth a colour
MANY_COMMANDS = 20.0  # a second; what we promise a broker


def commands_of(snapshot: Snapshot) -> float | None:
    """Commands a second that all sources send together, None where none counts them."""
    known = [link.commands for link in snapshot.links if link.commands is not None]
    return sum(known) if known else None


class OwnCost(CanvasPane):
    """CPU, memory, threads, commands and bytes."""

    id = "health.cost"
    view = HEALTH
    title = "Own cost"
    slot = Slot("centre", row=3, order=0, height=9, width=44)

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """A line for each."""
        for y, (label, shown) in enumerate(_lines(context.snapshot)):
            canvas.put(1, y, label, Tone.DIM, LABEL - 1)
            canvas.put_line(1 + LABEL, y, shown)

    def summary(self, snapshot: Snapshot) -> Line:
        """`3.2% 84 MB`."""
        host = snapshot.host
        return line((f"{percent(host.cpu)} {size(host.rss or host.peak)}", Tone.DIM))


def _lines(snapshot: Snapshot) -> Iterator[tuple[str, Line]]:
    host, totals = snapshot.host, snapshot.totals
    cpu_tone = Tone.WARN if (host.cpu or 0.0) >= BUSY else Tone.TEXT
    yield "CPU", line((percent(host.cpu), cpu_tone), (" of a core", Tone.DIM))
    yield "memory", line(size(host.rss), (f", at most {size(host.peak)}", Tone.DIM))
    files = (f", {count(host.descriptors)} files and sockets", Tone.DIM)
    yield "threads", line(count(host.threads), files)
    commands = commands_of(snapshot)
    tone = Tone.WARN if (commands or 0.0) > MANY_COMMANDS else Tone.TEXT
    yield "broker", line((rate(commands), tone), (" commands", Tone.DIM))
    sent = UNKNOWN if host.sent is None else f"{size(host.sent)}/s"
    yield "terminal", line(sent, (" written", Tone.DIM))
    yield "events", line(rate(totals.event_rate), (f", lag {duration(totals.lag)}", Tone.DIM))
    yield "tasks", line(count(snapshot.tasks.held), (" held", Tone.DIM))
