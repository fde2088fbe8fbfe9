"""What does `lazycelery demo --headless` print? What our own observer saw, nothing that the shop says about itself."""

from collections.abc import Iterator, Sequence

from lazycelery_core.model import Queue, TaskState, Worker
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import count, rate, safe


def lines(seen: Snapshot) -> list[str]:
    """The summary, line by line."""
    return [*_head(seen), "", *_workers(seen.workers), "", *_queues(seen.queues), "", *_tasks(seen)]


def _head(seen: Snapshot) -> Iterator[str]:
    totals = seen.totals
    gaps = sum(len(link.gaps) for link in seen.links)
    yield f"{count(totals.events)} events in {seen.now - seen.since:.0f} s ({rate(totals.event_rate)} at the end)"
    yield f"{count(gaps)} gaps, {count(totals.dropped)} dropped, {count(sum(totals.rejected.values()))} rejected"


def _workers(workers: Sequence[Worker]) -> Iterator[str]:
    yield f"{len(workers)} workers"
    for worker in workers:
        events = {True: "events on", False: "events off", None: ""}[worker.task_events]
        yield f"  {safe(worker.hostname):22} {worker.state:8} {worker.pool:8} {events}".rstrip()


def _queues(queues: Sequence[Queue]) -> Iterator[str]:
    yield f"{len(queues)} queues{'ready':>26}{'held':>8}"
    for queue in queues:
        yield f"  {safe(queue.name):22}{count(queue.ready):>10}{count(queue.unacked):>8}"


def _tasks(seen: Snapshot) -> Iterator[str]:
    yield f"{count(seen.tasks.held)} tasks held, {count(seen.tasks.evicted)} evicted"
    for state, n in sorted(seen.tasks.counts().items()):
        if n:
            yield f"  {TaskState(state).name:22}{count(n):>10}"
