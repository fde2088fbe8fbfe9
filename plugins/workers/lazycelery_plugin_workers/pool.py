"""What does each process of a worker's pool do, and how is the pool set up?"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from lazycelery_core.looks import TASK_STATES
from lazycelery_core.model import TaskState, Worker
from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.text import UNKNOWN, Safe, count, fit, safe, size
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers import facts
from lazycelery_plugin_workers.reads import Request, entries, figure, is_stale, read_line, requests, told, whole

KILO = 1024  # bytes; worker_max_memory_per_child counts KiB


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
    yield _wide_fact("software", facts.software(worker))
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
