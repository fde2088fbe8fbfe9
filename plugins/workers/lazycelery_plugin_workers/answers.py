"""What did a worker tell about its settings, its counters and the tasks it can run?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.redact import Redactor
from lazycelery_core.text import count, fit, safe, width
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers.reads import entries, read_line, text, told, whole

REDACTOR = Redactor()  # workers mask what they call a secret; this masks what looks like one


class WorkerConfig(DetailTab):
    """The settings that the worker's application changed, secrets masked."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "config"
    title: ClassVar[str] = "config"
    order: ClassVar[int] = 20

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """`setting  value`, by name."""
        conf = told(item, "conf")
        rows = _pairs(REDACTOR.value(conf), context.width) if isinstance(conf, dict) else ()
        return [read_line(item, "conf", context.snapshot), *rows]


class WorkerStats(DetailTab):
    """The worker's own counters."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "stats"
    title: ClassVar[str] = "stats"
    order: ClassVar[int] = 30

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """Accepted tasks by name first, then everything else, nested names joined by dots."""
        stats = told(item, "stats")
        if not isinstance(stats, dict):
            return [read_line(item, "stats", context.snapshot)]
        rest = REDACTOR.value({key: value for key, value in stats.items() if key != "total"})
        return [read_line(item, "stats", context.snapshot), *_totals(stats.get("total")), *_pairs(rest, context.width)]


def _totals(total: Any) -> list[Line]:
    """Accepted tasks by name, most first."""
    if not isinstance(total, dict):
        return []
    counts = [(number, text(name)) for name, value in total.items() if (number := whole(value)) is not None]
    counts.sort(reverse=True)
    head = line(("accepted since its start, failures included", Tone.FIELD)) if counts else line("")
    return [head, *(line(f"{count(number):>9}  ", name) for number, name in counts[:200]), line("")]


def _pairs(values: Mapping[Any, Any], cells: int) -> Iterator[Line]:
    flat = sorted(_flat(values, ""))
    room = min(cells // 2, max((width(name) for name, _ in flat), default=0))
    for name, value in flat:
        yield line((fit(safe(name), max(room, width(name))), Tone.FIELD), f"  {value}")


def _flat(values: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Nested mappings as dotted names, two levels deep."""
    for key, value in values.items():
        name = f"{prefix}{text(key)}"
        if isinstance(value, dict) and value and prefix.count(".") < 2:
            yield from _flat(value, f"{name}.")
        else:
            yield name, text(value)


class WorkerRegistered(DetailTab):
    """The tasks this worker can run."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "registered"
    title: ClassVar[str] = "registered"
    order: ClassVar[int] = 40

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """A name per line, with the settings that differ from Celery's defaults."""
        names = sorted(text(each) for each in entries(told(item, "registered")))
        return [read_line(item, "registered", context.snapshot), *map(_registered, names)]


def _registered(entry: str) -> Line:
    name, _, options = entry.partition(" ")
    return line(name, (f"  {options.strip('[]')}" if options else "", Tone.DIM))
