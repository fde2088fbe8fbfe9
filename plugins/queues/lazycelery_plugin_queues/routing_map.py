"""How are the roads of messages drawn? A line for each road; roads that meet in one queue are joined by a bus.

    orders topic ─┬─ mail.# ─────────▸ mail      12 ──▸ w1@web, w2@web
                  ╰─ orders.# ──╮
    old direct ───── orders ────┴────▸ orders    13 ▲ no consumer
                                       ╰╌ dead letters ╌▸ orders.dead

Each line is composed for itself, so that a table can scroll through thousands of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lazycelery_core.canvas import Canvas
from lazycelery_core.looks import WARNING, WORKER_STATES
from lazycelery_core.model import Queue, Worker
from lazycelery_core.spans import cut_line, line_width
from lazycelery_core.text import Safe, count, cut, cut_middle, safe, width
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_queues.flow import consumer_number, is_abandoned
from lazycelery_plugin_queues.roads import DEFAULT, Road

ARROW = Safe("▸")
UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
LINES = {
    0: " ", RIGHT | LEFT: "─", UP | DOWN: "│", RIGHT | DOWN: "╭", DOWN | LEFT: "╮", UP | RIGHT: "╰", UP | LEFT: "╯",
    UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", RIGHT | LEFT | DOWN: "┬", RIGHT | LEFT | UP: "┴", 15: "┼",
    RIGHT: "─", LEFT: "─", UP: "│", DOWN: "│",
}  # fmt: skip
TRUNK = 4  # cells between an exchange and its keys: ` ─┬─`, the branch in the third
BUSES = 8  # joined queues whose roads may run side by side; more are drawn as a word
LEAST = 6  # cells of a name
ROOMY = 84  # cells; below that there is no room for consumers
BESIDE = 30  # cells for number and consumers, where they fit
NUMBER = 7  # cells of the messages that wait
WORKERS = 3  # named behind a queue
NOBODY = "no consumer"


class Span(NamedTuple):
    """The lines from the first to the last."""

    first: int
    last: int


@dataclass(frozen=True)
class Layers:
    """Cells of each layer: exchange names, keys, the corridor of buses, queue names."""

    exchange: int
    key: int
    corridor: int
    queue: int

    @property
    def trunk(self) -> int:
        """The x at which an exchange branches."""
        return self.exchange + 2

    @property
    def buses(self) -> int:
        """The x at which the corridor begins."""
        return self.exchange + TRUNK + self.key + 2

    @property
    def arrow(self) -> int:
        """The x of the arrow before a queue."""
        return self.buses + self.corridor


class Picture:
    """The drawing of some roads, an exchange's together. `line(y, cells)` is one line of it."""

    def __init__(self, roads: Sequence[Road], queues: Mapping[str, Queue], workers: Mapping[str, Worker]) -> None:
        self.roads, self._queues, self._workers = roads, queues, workers
        self._trunks = _trunks(roads)
        self._led = _led(roads)
        self._buses = _buses(self._led)
        self._layers: dict[int, Layers] = {}

    def line(self, y: int, cells: int) -> Line:
        """Line y in so many cells."""
        layers = self._layers.get(cells)
        if layers is None:
            layers = self._layers[cells] = self._fitted(cells)
        return _Brush(self, layers, Canvas(cells, 1), y).draw()

    def _fitted(self, cells: int) -> Layers:
        """As wide as the names are; where they don't fit, the widest layers give way."""
        own = [road for road in self.roads if road.what == "binding"]
        corridor = 2 + 2 * (max(self._buses.values(), default=-1) + 1)
        wishes = [
            max((width(_title(road)) for road in own), default=0),
            max((width(safe(road.key)) for road in own), default=0),
            max((width(_target(road)) for road in own), default=0),
        ]
        room = cells - TRUNK - 5 - corridor - (BESIDE if cells >= ROOMY else 0)
        while sum(wishes) > room and max(wishes) > LEAST:
            wishes[wishes.index(max(wishes))] -= 1
        return Layers(wishes[0], wishes[1], corridor, wishes[2])

    def trunk(self, y: int) -> Span | None:
        """The lines over which the exchange of line y branches, None where no trunk passes."""
        return self._trunks[y]

    def node(self, y: int) -> bool:
        """Whether the target stands in this line, and not in the line of an earlier road to it."""
        road = self.roads[y]
        return road.to_exchange or not road.target or road.target not in self._led or self._led[road.target][0] == y

    def buses(self, y: int) -> dict[int, tuple[str, Span]]:
        """Bus number -> (queue, lines) of those that pass line y."""
        found = {}
        for queue, number in self._buses.items():
            lines = self._led[queue]
            if lines[0] <= y <= lines[-1]:
                found[number] = (queue, Span(lines[0], lines[-1]))
        return found

    def bus(self, queue: str) -> int | None:
        """The number of the queue's bus, None when its roads are not joined."""
        return self._buses.get(queue)

    def queue(self, name: str) -> Queue | None:
        """The queue of that name."""
        return self._queues.get(name)

    def consumers(self, queue: Queue) -> Line:
        """`w1@web, w2@web …`, each in the tone of its state."""
        names = queue.consumers or ()
        parts: list[tuple[str, Tone]] = []
        for name in names[:WORKERS]:
            worker = self._workers.get(name)
            look = WORKER_STATES[worker.state] if worker is not None else None
            parts += [(", ", Tone.DIM)] if parts else []
            parts += [(f"{look.glyph} ", look.tone)] if look is not None else []
            parts.append((name, Tone.TEXT))
        more = (consumer_number(queue) or 0) - min(len(names), WORKERS)
        if more > 0:
            parts.append((f" and {more} more" if parts else f"{more} consumer{'s' * (more > 1)}", Tone.DIM))
        return line(*parts)


def _trunks(roads: Sequence[Road]) -> list[Span | None]:
    """For each line the branching lines of its exchange, as far as the trunk passes it."""
    lines: dict[str, list[int]] = {}
    for y, road in enumerate(roads):
        if road.what != "dead":
            lines.setdefault(road.exchange, []).append(y)
    found: list[Span | None] = [None] * len(roads)
    for own in lines.values():
        for y in range(own[0], own[-1] + 1):
            found[y] = Span(own[0], own[-1])
    return found


def _led(roads: Sequence[Road]) -> dict[str, list[int]]:
    """queue -> the lines of the roads to it."""
    led: dict[str, list[int]] = {}
    for y, road in enumerate(roads):
        if road.what == "binding" and road.target and not road.to_exchange:
            led.setdefault(road.target, []).append(y)
    return led


def _buses(led: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """queue -> number of its bus, for queues with several roads; those that don't overlap share a number."""
    free_from: list[int] = []  # by bus: the first line that it is free on
    buses: dict[str, int] = {}
    for queue, lines in sorted(led.items(), key=lambda each: each[1][0]):
        if len(lines) < 2:
            continue
        number = next((n for n, free in enumerate(free_from) if free <= lines[0]), len(free_from))
        if number < BUSES:
            free_from[number : number + 1] = [lines[-1] + 1]
            buses[queue] = number
    return buses


def _title(road: Road) -> Safe:
    return Safe(f"{safe(road.exchange or DEFAULT, 255)} {safe(road.kind, 20)}".rstrip())


def _target(road: Road) -> Safe:
    return safe(f"{road.target} exchange" if road.to_exchange else road.target, 255)


class _Brush:
    """Draws one line."""

    def __init__(self, picture: Picture, layers: Layers, canvas: Canvas, y: int) -> None:
        self.picture, self.layers, self.canvas, self.y = picture, layers, canvas, y
        self.road = picture.roads[y]
        self._bits: dict[int, int] = {}

    def draw(self) -> Line:
        what = self.road.what
        self._trunk()
        self._pass_buses()
        if what == "binding":
            self._binding()
        self._ink()
        if what == "dead":
            self._aside(self.layers.arrow + 2, "dead letters")
        elif what == "else":
            self._aside(self.layers.trunk, "what nobody takes")
        else:
            self._labels()
        return self.canvas.line(0)

    def _join(self, start: int, end: int) -> None:
        """A line across, from cell to cell."""
        for x in range(start, end + 1):
            self._add(x, (RIGHT if x < end else 0) | (LEFT if x > start else 0))

    def _add(self, x: int, bits: int) -> None:
        self._bits[x] = self._bits.get(x, 0) | bits

    def _trunk(self) -> None:
        span = self.picture.trunk(self.y)
        if span is None or span.first == span.last:
            return
        self._add(self.layers.trunk, (UP if self.y > span.first else 0) | (DOWN if self.y < span.last else 0))

    def _pass_buses(self) -> None:
        for number, (_, span) in self.picture.buses(self.y).items():
            up, down = self.y > span.first, self.y < span.last
            self._add(self._bus_x(number), (UP if up else 0) | (DOWN if down else 0))

    def _bus_x(self, number: int) -> int:
        return self.layers.buses + 1 + 2 * number

    def _binding(self) -> None:
        layers, road = self.layers, self.road
        span = self.picture.trunk(self.y)
        first = span is None or span.first == self.y
        title = width(self._title()) if first else 0
        self._join(title + 1 if first else layers.trunk, layers.trunk + 1)
        if not road.target:
            return
        key = layers.exchange + TRUNK + 1 + width(self._key())
        bus = None if road.to_exchange else self.picture.bus(road.target)
        end = layers.arrow if self.picture.node(self.y) else layers.buses if bus is None else self._bus_x(bus)
        self._join(key + 1 if self._key() else layers.trunk + 1, end)

    def _ink(self) -> None:
        tone = Tone.WARN if self.road.trouble and self.road.what == "binding" else Tone.DIM
        for x, bits in self._bits.items():
            self.canvas.put(x, 0, Safe(LINES[bits]), tone)

    def _title(self) -> Safe:
        return cut_middle(_title(self.road), self.layers.exchange)

    def _key(self) -> Safe:
        return cut_middle(safe(self.road.key, 255), self.layers.key) if self.road.key else Safe("")

    def _labels(self) -> None:
        layers, road, span = self.layers, self.road, self.picture.trunk(self.y)
        if span is None or span.first == self.y:
            title = self._title()
            name = cut_middle(safe(road.exchange or DEFAULT, 255), layers.exchange)
            self.canvas.put(0, 0, title, Tone.DIM)
            if title.startswith(name):
                self.canvas.put(0, 0, name, Tone.STRONG if road.exchange else Tone.DIM)
        self.canvas.put(layers.exchange + TRUNK + 1, 0, self._key(), Tone.FIELD)
        if not road.target:
            self._warn(layers.trunk + 3)
        elif self.picture.node(self.y):
            self._target()
        elif self.picture.bus(road.target) is None:
            self.canvas.put(layers.buses, 0, f"{ARROW} {road.target} (above)", Tone.DIM)

    def _target(self) -> None:
        layers, road = self.layers, self.road
        queue = None if road.to_exchange else self.picture.queue(road.target)
        self.canvas.put(layers.arrow, 0, ARROW, Tone.ACCENT)
        loud = bool(road.trouble) or (queue is not None and is_abandoned(queue))
        tone = Tone.WARN if loud else Tone.DIM if road.to_exchange else Tone.STRONG
        x = self.canvas.put(layers.arrow + 2, 0, cut_middle(_target(road), layers.queue), tone)
        if queue is not None:
            x = layers.arrow + 2 + layers.queue + NUMBER
            self.canvas.put_right(x, 0, line((count(queue.ready), Tone.TEXT if queue.ready else Tone.DIM)))
        if road.trouble:
            self._warn(x + 1)
        elif queue is not None:
            self._consumers(queue, x + 1)

    def _consumers(self, queue: Queue, x: int) -> None:
        number = consumer_number(queue)
        if number == 0:
            tone, sign = (Tone.WARN, f"{WARNING} ") if is_abandoned(queue) else (Tone.DIM, "")
            fits = len(sign) + len(NOBODY) <= self.canvas.width - x
            self._cut(x, f"{sign}{NOBODY if fits else 'none'}", tone)
        elif number is not None:
            x = self.canvas.put(x, 0, Safe("──▸ "), Tone.DIM)
            roomy = self.canvas.width >= ROOMY
            told = self.picture.consumers(queue) if roomy else line((count(number), Tone.DIM))
            self.canvas.put_line(x, 0, cut_line(told, self.canvas.width - x))

    def _warn(self, x: int) -> None:
        if self.road.trouble:
            self._cut(x, f"{WARNING} {self.road.trouble}", Tone.WARN)

    def _cut(self, x: int, text: str, tone: Tone) -> None:
        self.canvas.put(x, 0, cut(safe(text), self.canvas.width - x), tone)

    def _aside(self, x: int, word: str) -> None:
        """Where messages go that do not take the straight road; fewer words, or further left, where it is tight."""
        room = self.canvas.width
        told = self._told_aside(word)
        if line_width(told) > room - x:
            told = self._told_aside(word.removesuffix(" letters"))  # of `dead letters`
        if not self.picture.buses(self.y):
            x = max(min(x, room - line_width(told)), min(x, self.layers.trunk + 3))
        self.canvas.put_line(x, 0, cut_line(told, room - x))

    def _told_aside(self, word: str) -> Line:
        road = self.road
        return line(
            (Safe("╰╌ "), Tone.DIM), (Safe(word), Tone.RETRY if road.what == "dead" else Tone.DIM),
            (Safe(" ╌▸ "), Tone.DIM), (road.target, Tone.WARN if road.trouble else Tone.STRONG),
            (f" {road.key}" if road.key else "", Tone.FIELD),
            (f" {WARNING} {road.trouble}" if road.trouble else "", Tone.WARN),
        )  # fmt: skip
