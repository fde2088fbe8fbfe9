"""What stands in the tabs of a worker: details, pool, config, stats, registered?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lazycelery_core.canvas import Canvas
from lazycelery_core.charts import Chart, Series, draw_chart
from lazycelery_core.looks import TASK_STATES, WORKER_STATES
from lazycelery_core.model import TaskState, Worker, WorkerState
from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.redact import Redactor
from lazycelery_core.spans import cut_line
from lazycelery_core.text import UNKNOWN, Safe, age, count, duration, fit, percent, rate, safe, size, width
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers import facts
from lazycelery_plugin_workers.reads import Request, entries, figure, is_stale, read_line, requests, text, told, whole

LABEL = 11  # cells of a label in the list of facts
FACTS = 33  # cells of the facts when a chart stands beside them
FACTS_AT_MOST = 64
CHART = 38  # cells below which a chart says nothing
CHART_SECONDS = 900
KILO = 1024  # bytes; worker_max_memory_per_child counts KiB
REDACTOR = Redactor()  # workers mask what they call a secret; this masks what looks like one


def fact(label: str, *parts: Any) -> Line:
    """A label and what stands beside it."""
    return line((label.ljust(LABEL), Tone.DIM), *parts)


def details(worker: Worker, context: DrawContext) -> list[Line]:
    """What is known about a worker, the most useful first."""
    now = context.snapshot.now
    return [
        fact("Status", *_status(worker, now)),
        *_reason(worker, now),
        fact("Pool", facts.pool(worker), (f"  pid {worker.pid}" if worker.pid else "", Tone.DIM)),
        fact("Queues", ", ".join(worker.queues) or UNKNOWN),
        fact("Active", (facts.busy(worker).replace("/", " / "), facts.busy_tone(worker)), *_reserved(worker)),
        fact("Processed", count(worker.processed), (f"  {rate(worker.rate, signed=True)}", Tone.DIM)),
        fact("Failed", *_failed(worker)),
        fact(
            "Success",
            _success(worker),
            (f"  of {count(facts.ended(worker))} ended", Tone.DIM),
            (" since we listen", Tone.DIM),
        ),
        fact("Max RSS", size(worker.rss), ("  high-water", Tone.DIM), (" of its main process", Tone.DIM)),
        fact("Load", *_load(worker)),
        fact("Events", *_events(worker)),
        fact("Clock", (facts.skew_text(worker), _skew_tone(worker)), ("  against ours", Tone.DIM)),
        fact("Answers", duration(worker.latency), *_uptime(worker, now)),
        fact("Software", worker.software or UNKNOWN),
        fact("Known", f"for {age(now - worker.first_seen)}" if worker.first_seen else UNKNOWN),
    ]


def _status(worker: Worker, now: float) -> list[Any]:
    look = WORKER_STATES[worker.state]
    beat = facts.beat_age(worker, now)
    heard = f"  beat {age(beat)} ago" if beat is not None else "  no heartbeat yet"
    return [(f"{look.glyph} {look.word}", look.tone), (heard, Tone.DIM)]


def _reason(worker: Worker, now: float) -> list[Line]:
    if worker.state is WorkerState.ONLINE and not worker.twins:
        return []
    twins = f"two workers share this name: pids {', '.join(map(str, worker.pids[:4]))}. " if worker.twins else ""
    return [fact("", (twins + facts.state_sentence(worker, now), Tone.WARN))]


def _reserved(worker: Worker) -> list[Any]:
    waiting = [(len(requests(worker, command)), command) for command in ("reserved", "scheduled")]
    words = ", ".join(f"{number} {command}" for number, command in waiting if number)
    return [(f"  {words}", Tone.DIM)] if words else []


def _failed(worker: Worker) -> list[Any]:
    tone = Tone.FAILURE if worker.failed else Tone.TEXT
    share = facts.failed_share(worker)
    retried = f"  {TASK_STATES[TaskState.RETRY].glyph} {count(worker.retried)}" if worker.retried else ""
    return [
        (f"{TASK_STATES[TaskState.FAILURE].glyph} {count(worker.failed)}", tone),
        ("" if share is None else f"  {percent(share)}", Tone.DIM),
        (retried, Tone.RETRY),
    ]


def _success(worker: Worker) -> Safe:
    share = facts.failed_share(worker)
    return percent(None if share is None else 1 - share)


def _load(worker: Worker) -> list[Any]:
    if not worker.loadavg:
        return [(UNKNOWN, Tone.DIM)]
    return ["  ".join(f"{each:.2f}" for each in worker.loadavg[:3]), ("  average of its host", Tone.DIM)]


def _events(worker: Worker) -> list[Any]:
    if worker.task_events is False:
        return [("off", Tone.WARN), ("  e enables them until it restarts", Tone.DIM)]
    return ["on"] if worker.task_events else [(f"{UNKNOWN}  not known yet", Tone.DIM)]


def _skew_tone(worker: Worker) -> Tone:
    return Tone.WARN if worker.skew is not None and abs(worker.skew) >= facts.SKEW else Tone.TEXT


def _uptime(worker: Worker, now: float) -> list[Any]:
    read, up = worker.reads.get("stats"), figure(told(worker, "stats", "uptime"))
    return [] if read is None or up is None else [(f"  up {age(up + now - read.at)}", Tone.DIM)]


class WorkerDetails(DetailTab):
    """Facts, and beside them what ended here in the last quarter of an hour."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "details"
    title: ClassVar[str] = "details"
    order: ClassVar[int] = 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """The facts alone, where there is no room for a chart."""
        return details(item, context)

    def draw(self, canvas: Canvas, item: Any, context: DrawContext) -> bool:
        """Facts at the left, chart at the right."""
        if canvas.width < FACTS + CHART or canvas.height < 5:
            return False
        room = max(FACTS, min(FACTS_AT_MOST, canvas.width * 2 // 5))
        for row, each in enumerate(details(item, context)[: canvas.height]):
            canvas.put_line(0, row, whole_spans(each, room), room)
        columns = canvas.width - room - 1
        draw_chart(canvas, _ended_chart(item, context, columns), room + 1, 0, columns, min(canvas.height, 14))
        return True


def whole_spans(spans: Line, cells: int) -> Line:
    """The line without the spans that don't fit; the label and its value are kept and cut."""
    kept = list(spans[:2])
    for each in spans[2:]:
        if sum(width(span.text) for span in kept) + width(each.text) > cells:
            break
        kept.append(each)
    return cut_line(tuple(kept), cells)


def _ended_chart(worker: Worker, context: DrawContext, columns: int) -> Chart:
    rates = context.snapshot.tasks.rates(CHART_SECONDS, columns, worker.hostname)
    series = (Series("ok", rates.succeeded, Tone.SUCCESS), Series("failed", rates.failed, Tone.FAILURE))
    return Chart(series, CHART_SECONDS, title="tasks/s", gaps=rates.gaps)


class WorkerPoolTab(DetailTab):
    """What each process of the pool does, and how the pool is set up."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "pool"
    title: ClassVar[str] = "pool"
    order: ClassVar[int] = 10

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """A line per slot, then the facts of the pool."""
        reads = {each: item.reads[each] for each in ("active", "stats") if each in item.reads}
        dim = any(is_stale(read, command, context.snapshot.now) for command, read in reads.items())
        slots, setup = _slots(item, context), list(_pool_facts(item))
        if dim:
            slots, setup = [_dimmed(each) for each in slots], [_dimmed(each) for each in setup]
        return [*slots, read_line(item, "stats", context.snapshot), *setup]


def _dimmed(spans: Line) -> Line:
    return line(*((each.text, Tone.DIM) for each in spans))


def _slots(worker: Worker, context: DrawContext) -> list[Line]:
    running = requests(worker, "active")
    pids = [pid for pid in map(whole, entries(told(worker, "stats", "pool", "processes"))) if pid is not None]
    if not running and not pids:
        return [read_line(worker, "active", context.snapshot)]
    by_pid = {request.pid: request for request in running} if pids else {}
    places: list[tuple[int | None, Request | None]] = [(pid, by_pid.get(pid)) for pid in pids]
    shown = {request.id for _, request in places if request is not None}
    places += [(request.pid, request) for request in running if request.id not in shown]
    room = max(8, context.width - 31)
    head = line((f"{'slot':>4}  {'pid':<7}{'state':<8}{fit(Safe('task'), room)}  {'for':<7}", Tone.FIELD))
    rows = [_slot(at, pid, request, room, context) for at, (pid, request) in enumerate(places, 1)]
    return [head, *rows, *_idle(worker, len(places), bool(pids))]


def _slot(at: int, pid: int | None, request: Request | None, room: int, context: DrawContext) -> Line:
    number = f"{at:>4}  {pid if pid is not None else UNKNOWN:<7}"
    if request is None:
        look = TASK_STATES[TaskState.PENDING]
        return line((number, Tone.DIM), (f"{look.glyph} idle", look.tone))
    look = TASK_STATES[TaskState.STARTED]
    ran = facts.so_far(context.snapshot.now - request.started) if request.started else UNKNOWN
    task = fit(safe(f"{request.name} {request.id[:6]}"), room)
    return line(number, (f"{look.glyph} busy  ", look.tone), task, (f"  {ran}", Tone.DIM))


def _idle(worker: Worker, shown: int, has_pids: bool) -> list[Line]:
    """Threads and green threads have no pid: only their number is known."""
    idle = (worker.concurrency or 0) - shown
    return [] if has_pids or idle <= 0 else [line((f"      {idle} idle", Tone.DIM))]


def _pool_facts(worker: Worker) -> Iterator[Line]:
    """How the pool is set up, as far as the worker has told."""
    yield _wide_fact("prefetch", _prefetch(worker))
    if most := whole(told(worker, "stats", "autoscaler", "max")):
        yield _wide_fact("autoscale", f"{whole(told(worker, 'stats', 'autoscaler', 'min')) or 0} to {most}")
    yield _wide_fact("time limits", _limits(worker))
    yield _wide_fact("recycling", _recycling(worker))
    yield _wide_fact("acks", _acks(worker))
    yield _wide_fact("software", worker.software or UNKNOWN)
    yield _wide_fact("clock", f"{facts.skew_text(worker)} against ours" if worker.skew is not None else UNKNOWN)


def _wide_fact(label: str, value: str) -> Line:
    return line((f"{label:<12}", Tone.DIM), value)


def _prefetch(worker: Worker) -> str:
    held = len(requests(worker, "reserved"))
    total = whole(told(worker, "stats", "prefetch_count"))
    factor = whole(told(worker, "conf", "worker_prefetch_multiplier"))
    if total is None:
        return UNKNOWN
    if factor and worker.concurrency and factor * worker.concurrency == total:
        return f"{factor} × {worker.concurrency} = {total}, holding {held} reserved"
    return f"{total or 'no limit'}, holding {held} reserved"


def _limits(worker: Worker) -> str:
    limits = [figure(each) for each in entries(told(worker, "stats", "pool", "timeouts"))[:2]]
    soft, hard = [*limits, None, None][:2]
    if not soft and not hard:
        return "none" if limits else UNKNOWN
    return ", ".join(
        f"{name} {limit:g}s" if limit else f"{name} none" for name, limit in (("soft", soft), ("hard", hard))
    )


def _recycling(worker: Worker) -> str:
    tasks = told(worker, "stats", "pool", "max-tasks-per-child")
    memory = figure(told(worker, "conf", "worker_max_memory_per_child"))
    parts = [f"max {count(tasks)} tasks/child"] if whole(tasks) else []
    parts += [f"{size(memory * KILO)}/child"] if memory else []
    return ", ".join(parts) or ("never" if told(worker, "stats") else UNKNOWN)


def _acks(worker: Worker) -> str:
    late = told(worker, "conf", "task_acks_late")
    if told(worker, "conf") is None:
        return UNKNOWN
    return "late  (task_acks_late = True)" if late is True else "early  (task_acks_late = False)"


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


TABS = (WorkerDetails, WorkerPoolTab, WorkerConfig, WorkerStats, WorkerRegistered)
