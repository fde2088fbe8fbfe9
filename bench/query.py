"""T6, T7: how long does a page of a million tasks take, and do the dashboard's numbers stay as quick as with few tasks?

Asked as the screen asks, through the list of the Tasks view: its page has 10,000 rows to scroll through. Tasks of 200
names, 64 workers and 60 exceptions, with arguments. The answer of Flower's tasks page (40 rows, over HTTP)
stands beside it, with a tenth of the tasks.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from flower import VERSION, flower
from load import settled
from measure import Measure
from publisher import publishing
from recorded import EVENTS, TASKS
from size import Size
from turns import Figures, serve, share, turn

from lazycelery_core.testing.servers import start_valkey

NOW = 1_795_400_000.0
NAMES = [f"shop.{area}.{verb}" for area, verb in product(("orders", "emails", "images", "stock"), range(50))]
WORKERS = [f"w{number}@node-{number:02}" for number in range(64)]
ERRORS = [f"{kind}('{number}')" for kind, number in product(("KeyError", "TimeoutError", "ValueError"), range(20))]
TEXTS = [f"needle-{number}" for number in range(11, 20)]
SMALL = 10_000  # tasks
ROUNDS = 20
PAGE = (
    "/tasks/datatable?draw=1&start=0&length=40&search[value]=state:FAILURE%20name:charge&order[0][column]=0"
    "&columns[0][data]=received&order[0][dir]=desc"
)  # what its tasks page asks for


def run(size: Size) -> list[Measure]:
    """The first page, free text, sums."""
    small, large = turn("query.py", "ours", tasks=SMALL), turn("query.py", "ours", tasks=size.tasks)
    peer = _flower(size.peer_tasks)
    tasks = f"{size.tasks:,} tasks"
    return [
        Measure(
            f"T6 filtered first page, p99, {tasks}", large["page_p99"], None, "ms", "ours <= 2",
            f"CPU time; median {large['page_p50']:.2f} ms; state, name, worker, exception, runtime and time, in "
            f"{large['pages']} combinations",
        ),
        Measure(
            "T6 filtered first page against Flower's", large["page_p50"], peer, "ms", "ratio <= 1/100",
            f"{tasks} against {size.peer_tasks:,} in Flower {VERSION}, medians",
        ),
        Measure(
            f"T6 free text, first part of the answer, {tasks}", large["text_first"], None, "ms", "ours <= 16",
            f"args that hold a text, as shown without secrets; median of {len(TEXTS)} texts; all of {tasks} take "
            f"{large['text_all'] / 1e3:.1f} s in {large['text_turns']} pictures",
        ),
        Measure(
            f"T7 counts, percentiles and rates at {tasks}", large["sums"], small["sums"], "ms", "ratio <= 1.2",
            f"peer: ours at {SMALL:,} tasks",
        ),
    ]  # fmt: skip


def ours(tasks: int) -> Figures:
    """All questions to a store with so many tasks."""
    from lazycelery_core.pane import DrawContext
    from lazycelery_core.query import parse
    from lazycelery_core.redact import Redactor
    from lazycelery_core.snapshot import RowQuery
    from lazycelery_core.store import Limits, Store
    from lazycelery_core.testing.builders import a_snapshot
    from lazycelery_plugin_tasks.pane import TaskList

    store = Store(Limits(tasks=2 * tasks), Redactor(), NOW - 1000)
    for batch in _events(tasks):
        store.apply(batch, batch[-1].timestamp)
    view = store.tasks(NOW)
    snapshot = replace(a_snapshot(), tasks=view, now=NOW)
    pane, context = TaskList(), DrawContext(snapshot)

    def page(text: str) -> Callable[[], Any]:
        query = RowQuery(parse(text, NOW, "task"))
        return lambda: pane.rows(snapshot, query, context)

    pages = [_milliseconds(page(text)) for text in _filters()]
    firsts = [_took(page(f"args:{text}")) for text in TEXTS]
    search = page("args:needle-7")
    began, turns = time.thread_time(), 1
    while "still" in search().note:
        turns += 1
    whole = time.thread_time() - began
    times = [each for found in pages for each in found]
    sums = _milliseconds(
        lambda: (view.counts(), view.names(), view.rates(900, 60), [view.stats(name) for name in NAMES]), 60
    )
    return {
        "page_p50": share(times, 0.5), "page_p99": share(times, 0.99), "pages": len(pages),
        "text_first": share(firsts, 0.5), "text_all": 1e3 * whole, "text_turns": turns, "sums": share(sums, 0.5),
    }  # fmt: skip


def _filters() -> Iterator[str]:
    """Filters of every kind but free text, from those that match nearly all to those that match nothing."""
    yield from ("state:success", "state:failed", "is:running", "exc:KeyError", "runtime>2s", "name:nothing")
    for name, worker in product(("orders.7", "emails.*", "stock.12"), ("w3@node-03", "node-1*")):
        yield f"state:failed name:*{name}* worker:{worker}"
        yield f"state:success,failed name:*{name} worker:{worker} age<5m"
        yield f"name:*{name} worker:{worker} runtime>1s (state:failed | state:success)"


def _milliseconds(ask: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """CPU time of each of so many answers, after one that warms up."""
    ask()
    return [_took(ask) for _ in range(rounds)]


def _took(ask: Callable[[], object]) -> float:
    """Milliseconds of CPU time of one answer."""
    began = time.thread_time()
    ask()
    return 1e3 * (time.thread_time() - began)


def _events(tasks: int) -> Iterator[list[Any]]:
    """Batches: each task received, with arguments, started and, but for a few, ended."""
    from lazycelery_core.events import WireEvent

    chance = random.Random(7)
    batch: list[Any] = []
    for number in range(tasks):
        at = NOW - (tasks - number) * 0.001
        bits = f"{chance.getrandbits(128):032x}"
        task_id = "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))
        host, name = chance.choice(WORKERS), chance.choice(NAMES)
        args = f"('cust-{chance.randrange(100_000)}', 'needle-{number % 1000}', {{'items': {number}, 'note': 'asap'}})"
        told = {"type": "task-received", "uuid": task_id, "name": name, "args": args, "kwargs": "{}", "retries": 0}
        batch.append(WireEvent("task-received", at, host, task_id, name=name, body=json.dumps(told).encode()))
        batch.append(WireEvent("task-started", at + 0.01, host, task_id))
        luck = chance.random()
        if luck < 0.95:
            batch.append(WireEvent("task-succeeded", at + 1, host, task_id, runtime=chance.expovariate(2)))
        elif luck < 0.999:
            batch.append(WireEvent("task-failed", at + 1, host, task_id, exception=chance.choice(ERRORS)))
        if len(batch) > 250:
            yield batch
            batch = []
    if batch:
        yield batch


def _flower(tasks: int) -> float:
    """Milliseconds of a filtered page of Flower with so many tasks, median."""
    limits = ["client-output-buffer-limit pubsub 0 0 0"]
    with tempfile.TemporaryDirectory() as folder, start_valkey(Path(folder), tcp=True, args=limits) as server:
        with flower(server.tcp_url(), Path(folder), most=2 * tasks) as peer:
            with publishing(server.socket, events=round(tasks / TASKS * EVENTS)) as publisher:
                publisher.result()
            settled(peer, patience=300)
            found = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                peer.get(PAGE)
                found.append(1e3 * (time.perf_counter() - began))
    return share(found, 0.5)


if __name__ == "__main__":
    serve({"ours": ours})
