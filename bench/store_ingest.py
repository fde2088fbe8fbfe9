"""What does an event cost in the store, how does that grow, and how much memory does a task take?

Usage: store_ingest.py [TASKS ...]; each size in a process of its own, beside celery.events.State with room for all.
"""

import json
import subprocess
import sys
import time
from array import array
from pathlib import Path

import psutil
from store_stream import TASKS, batches, bodies

from lazycelery_core.store import Limits, Store

SIZES = (10_000, 100_000, 1_000_000)


def store(tasks: int) -> dict[str, float]:
    """Cost per event of the last tenth, memory per task and the longest batch, for a store filled to this size."""
    held = Store(Limits(tasks=tasks * 2), str, 1795362100.0)
    messages = bodies()
    process = psutil.Process()
    before = process.memory_info().rss
    costs = array("d")
    count, worst = 0, 0.0
    repetitions = max(2, round(tasks / TASKS))
    for number in range(repetitions):
        spent = events = 0
        for batch in batches(number, messages):
            start = time.thread_time()  # not the clock: others on the machine do not count
            held.apply(batch, batch[-1].timestamp + 0.001)
            took = time.thread_time() - start
            worst = max(worst, took)
            spent += took
            events += len(batch)
        costs.append(spent / events)
        count += events
    last = sorted(costs[-max(1, len(costs) // 10) :])
    cold = held._table.cold  # noqa: SLF001
    rss = process.memory_info().rss - before
    return {
        "us_event": 1e6 * sum(costs) / len(costs), "us_event_end": 1e6 * last[len(last) // 2], "worst_ms": 1e3 * worst,
        "tasks": held.tasks().held, "bytes_task": (rss + cold.disk) / held.tasks().held,
        "cold_task": (cold.disk + cold.ram) / held.tasks().held, "events": count,
    }  # fmt: skip


def state(tasks: int) -> dict[str, float]:
    """The same for celery.events.State, fed with dicts; at most 100,000 tasks."""
    from celery.events.state import State

    held = State(max_tasks_in_memory=tasks * 2)
    messages = bodies()
    process = psutil.Process()
    before = process.memory_info().rss
    costs = array("d")
    worst = 0.0
    from store_stream import repetition

    for number in range(max(2, round(tasks / TASKS))):
        delivered = []
        for body in repetition(messages, number):
            told = json.loads(body)
            delivered += told if isinstance(told, list) else [told]
        for event in delivered:
            event["local_received"] = event["timestamp"]
        began = time.process_time()
        for event in delivered:
            start = time.thread_time()
            held.event(event)
            worst = max(worst, time.thread_time() - start)
        costs.append((time.process_time() - began) / len(delivered))
    rss = process.memory_info().rss - before
    return {"us_event": 1e6 * sum(costs) / len(costs), "worst_ms": 1e3 * worst, "bytes_task": rss / len(held.tasks)}


def main() -> None:
    """Each measurement in a fresh process, so that memory is its own."""
    if len(sys.argv) == 3 and sys.argv[1] in ("store", "state"):
        print(json.dumps({"store": store, "state": state}[sys.argv[1]](int(sys.argv[2]))))
        return
    for size in map(int, sys.argv[1:]) if len(sys.argv) > 1 else SIZES:
        for what in ("store", "state") if size <= 100_000 else ("store",):
            command = [sys.executable, str(Path(__file__)), what, str(size)]
            print(
                f"{what:6} {size:>9,}",
                subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(),
            )


if __name__ == "__main__":
    main()
