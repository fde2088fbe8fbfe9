"""What does each process of a worker's pool do, and how is the pool set up?"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from lazycelery_core.looks import TASK_STATES
from lazycelery_core.model import TaskState, Worker
from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.text import UNKNOWN, Safe, count, fit, safe, size
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers import facts
from lazycelery_plugin_workers.here import TaskHere, running
from lazycelery_plugin_workers.reads import entries, figure, is_stale, read_line, requests, told, whole

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
    """A line for each busy slot, then the idle ones: by pid where it is certain which are idle, else their number."""
    tasks = running(worker, context.snapshot)
    pids = [pid for pid in map(whole, entries(told(worker, "stats", "pool", "processes"))) if pid is not None]
    if not tasks and not pids and "active" not in worker.reads:
        return [read_line(worker, "active", context.snapshot)]
    room = max(8, context.width - 31)
    head = line((f"{'slot':>4}  {'pid':<7}{'state':<8}{fit(Safe('task'), room)}  {'for':<7}", Tone.FIELD))
    busy = [_busy(at, task, room, context.snapshot.now) for at, task in enumerate(tasks, 1)]
    used = {task.pid for task in tasks}
    if pids and None not in used:
        free = [pid for pid in pids if pid not in used]
        return [head, *busy, *(_idle(at, pid) for at, pid in enumerate(free, len(tasks) + 1))]
    idle = (worker.concurrency or len(pids)) - len(tasks)
    return [head, *busy, *([line((f"      {idle} idle", Tone.DIM))] if idle > 0 else [])]


def _busy(at: int, task: TaskHere, room: int, now: float) -> Line:
    look = TASK_STATES[TaskState.STARTED]
    ran = facts.so_far(now - task.started) if task.started else UNKNOWN
    name = fit(safe(f"{task.name} {task.id[:6]}"), room)
    pid = UNKNOWN if task.pid is None else task.pid
    return line(f"{at:>4}  {pid:<7}", (f"{look.glyph} busy  ", look.tone), name, (f"  {ran}", Tone.DIM))


def _idle(at: int, pid: int) -> Line:
    look = TASK_STATES[TaskState.PENDING]
    return line((f"{at:>4}  {pid:<7}", Tone.DIM), (f"{look.glyph} idle", look.tone))


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
