"""T4, T5: how do cost and memory grow to a million tasks, and how long does the store ever keep others waiting?

The recorded stream from memory: decoding and store, each size in a process of its own, beside celery.events.State with
room for all of them (given what json made of the bodies; its stop is the longest single event).
"""

import base64
import gc
import json
import math
import sys
import time
from array import array
from pathlib import Path

from measure import Measure
from recorded import EVENTS, TASKS, Replay, payloads
from size import Size
from turns import Figures, serve, share, turn

SMALL = 10_000  # tasks
WARM = 2 * EVENTS  # events before the clock runs


def run(size: Size) -> list[Measure]:
    """Cost at a small size and at the large one, memory of a task, the longest stop."""
    smalls, larges = [], []
    for _ in range(2 if size.name == "full" else 1):
        smalls += [turn("growth.py", "store", tasks=SMALL) for _ in range(3)]
        larges.append(turn("growth.py", "store", tasks=size.tasks))
    state = turn("growth.py", "state", tasks=size.state_tasks)
    small = sorted(each["us_event"] for each in smalls)[len(smalls) // 2]
    large = min(larges, key=lambda each: float(each["us_event"]))
    exponent = math.log(large["us_event"] / small) / math.log(size.tasks / SMALL)
    return [
        Measure(
            f"T4 cost per event at {size.tasks:,} tasks", large["us_event"], small, "us", "ratio <= 1.25",
            f"peer: ours at {SMALL:,} tasks; grows with tasks to the power of {exponent:.3f}; decoding and store",
        ),
        Measure(
            f"T4 longest stop on the way to {size.tasks:,} tasks", large["stop_ms"], None, "ms", "ours <= 16",
            f"CPU time of one batch of up to 256 events; 99.9 % of batches take at most {large['p999_ms']:.1f} ms",
        ),
        Measure(
            "T4 longest stop against State's", state["stop_ms"], large["stop_ms"], "ms", "ratio >= 200",
            f"here `ours` is State's at {size.state_tasks:,} tasks (garbage collection), `peer` our own",
        ),
        Measure(
            f"T5 bytes a task at {size.tasks:,} tasks", large["bytes_task"], None, "B", "ours <= 460",
            f"memory and the temporary file, all text kept; of it text {large['text_task']:.0f} B",
        ),
        Measure(
            "T5 bytes a task against State's", large["bytes_task"], state["bytes_task"], "B", "ratio <= 1/12",
            f"State with {size.state_tasks:,} tasks, which costs {state['us_event']:.1f} us an event without decoding",
        ),
    ]  # fmt: skip


def store(tasks: int) -> Figures:
    """Decoding and the store, up to so many tasks."""
    from lazycelery_core.decode import Tally
    from lazycelery_core.store import Limits, Store
    from lazycelery_plugin_redis.envelope import events_in

    held, tally = Store(Limits(tasks=2 * tasks), str, time.time()), Tally()
    replay = Replay(as_pushed=True)
    gc.collect()
    gc.freeze()  # as the app does
    before = _rss()
    events, spent, timed = 0, 0.0, 0
    stops = array("d")
    for piece, _ in payloads(replay, EVENTS * max(4, round(tasks / TASKS))):
        began = time.thread_time()
        batch = []
        now = time.time()
        for payload in piece:
            batch += events_in(payload, now, tally)
        decoded = time.thread_time()
        held.apply(batch, now)
        ended = time.thread_time()
        events += len(batch)
        if events > WARM:
            stops.append(ended - decoded)
            spent += ended - began
            timed += len(batch)
    page, cold = held.tasks(), held._table.cold  # noqa: SLF001 - what memory goes where is the store's own knowledge
    return {
        "us_event": 1e6 * spent / timed, "stop_ms": 1e3 * max(stops), "p999_ms": 1e3 * share(stops, 0.999),
        "bytes_task": (_rss() - before + cold.disk) / page.held, "text_task": (cold.disk + cold.ram) / page.held,
        "tasks": page.held,
    }  # fmt: skip


def state(tasks: int) -> Figures:
    """celery.events.State."""
    from celery.events.state import State

    held = State(max_tasks_in_memory=2 * tasks)
    before, spent, worst, events = _rss(), 0.0, 0.0, 0
    for piece, _ in payloads(Replay(as_pushed=True), EVENTS * max(4, round(tasks / TASKS))):
        told = [json.loads(base64.b64decode(json.loads(payload)["body"])) for payload in piece]
        for event in (event for each in told for event in (each if isinstance(each, list) else [each])):
            event["local_received"] = event["timestamp"]
            began = time.thread_time()
            held.event(event)
            took = time.thread_time() - began
            worst, spent, events = max(worst, took), spent + took, events + 1
    return {"us_event": 1e6 * spent / events, "stop_ms": 1e3 * worst, "bytes_task": (_rss() - before) / len(held.tasks)}


def _rss() -> int:
    """Bytes of memory of this process."""
    if sys.platform != "linux":
        import psutil

        return int(psutil.Process().memory_info().rss)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    serve({"store": store, "state": state})
