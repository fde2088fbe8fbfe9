"""How long does a page of a million tasks take: filtered, sorted, counted, or a list of what runs?

Usage: store_query.py [TASKS]
"""

import random
import sys
import time
from collections.abc import Callable, Iterator

from lazycelery_core.events import WireEvent
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.store import Limits, Store

NOW = 1_795_400_000.0
NAMES = [f"shop.{area}.{verb}" for area in ("orders", "emails", "images", "stock") for verb in map(str, range(50))]
WORKERS = [f"w{number}@node-{number:02}" for number in range(64)]
ERRORS = [f"{kind}('{number}')" for kind in ("KeyError", "TimeoutError", "ValueError") for number in range(20)]
ROUNDS = 60


def events(tasks: int) -> Iterator[list[WireEvent]]:
    """Batches: each task received, started and, but for a few, ended."""
    chance = random.Random(7)
    batch: list[WireEvent] = []
    for number in range(tasks):
        at = NOW - (tasks - number) * 0.001
        task_id = f"{chance.getrandbits(128):032x}"
        task_id = "-".join((task_id[:8], task_id[8:12], task_id[12:16], task_id[16:20], task_id[20:]))
        host, name = chance.choice(WORKERS), chance.choice(NAMES)
        batch.append(WireEvent("task-received", at, host, task_id, name=name, retries=0, root_id=task_id))
        batch.append(WireEvent("task-started", at + 0.01, host, task_id))
        luck = chance.random()
        if luck < 0.95:
            batch.append(WireEvent("task-succeeded", at + 1, host, task_id, runtime=chance.expovariate(2)))
        elif luck < 0.999:
            batch.append(WireEvent("task-failed", at + 1, host, task_id, exception=chance.choice(ERRORS)))
        if len(batch) > 250:
            yield batch
            batch = []
    yield batch


def milliseconds(ask: Callable[[], object]) -> str:
    """Median and slowest of many rounds, CPU time of this thread: others on the machine do not count."""
    ask()
    spent = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        ask()
        spent.append(1e3 * (time.thread_time() - start))
    spent.sort()
    return f"{spent[len(spent) // 2]:8.3f} ms   slowest {spent[-1]:8.3f} ms"


def main() -> None:
    """One line a question."""
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    store = Store(Limits(tasks=2 * tasks), str, NOW - 1000)
    for batch in events(tasks):
        store.apply(batch, batch[-1].timestamp if batch else NOW)
    view = store.tasks(NOW)
    filters = (
        "state:failed", "state:failed name:*orders.7* worker:w3@node-03 age<5m", "exc:KeyError runtime>1s",
        "name:orders", "is:stuck", "state:success",
    )  # fmt: skip
    for text in filters:
        chosen = parse(text, NOW, "task")
        print(f"{text:60} {milliseconds(lambda chosen=chosen: view.select(RowQuery(chosen)))}")
    for sort in ("", "runtime", "name", "received", "wait"):
        print(f"sort {sort:55} {milliseconds(lambda sort=sort: view.select(RowQuery(None, sort, True)))}")
    some = view.row(tasks // 2)
    assert some is not None
    questions: dict[str, Callable[[], object]] = {
        "snapshot parts": lambda: (store.tasks(NOW), store.workers(NOW), store.queues(NOW), store.totals(NOW)),
        "active": view.active, "children": lambda: view.children(some), "counts": view.counts, "names": view.names,
        "stats": lambda: view.stats(NAMES[3]), "rates": lambda: view.rates(900, 60), "get": lambda: view.get(some.id),
        "unfinished": lambda: store.unfinished(200, True),
    }  # fmt: skip
    for what, ask in questions.items():
        print(f"{what:60} {milliseconds(ask)}")


if __name__ == "__main__":
    main()
