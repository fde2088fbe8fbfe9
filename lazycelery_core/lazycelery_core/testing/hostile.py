"""What may come from a cluster at its worst? Records whose every text is meant to harm, and numbers at their ends."""

from typing import Any

from lazycelery_core.events import HUGE
from lazycelery_core.model import Gap, Host, Incident, Link, LinkState, PlaceTime, Read, TaskState, WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.testing.builders import NOW, a_message, a_queue, a_snapshot, a_task, a_worker, events, task_events

# One of each kind: controls, titles, markup, direction, width, marks, blanks, lines, nothing, too much.
TEXTS = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "[bold red]markup[/] [@click=app.quit]x[/]",
    "\u202egnp.exe\u202c \u2066\u200b\u200d\ufeff",
    "漢字かな交じり文" * 30,
    "Z" + "\u0336\u0489" * 40,
    "   ",
    "one\ntwo\r\nthree\tfour\x00",
    "👩‍👩‍👧‍👦🏳️‍🌈" * 8,
    "\ud800 lone",
    "x" * 990,
)
_DEEP: Any = "bottom"
for _ in range(40):
    _DEEP = {"next": [_DEEP]}


def hostile_snapshot() -> Snapshot:
    """A snapshot in which every name, reason and answer is hostile, every number at an end of its range."""
    states, kinds = tuple(TaskState), tuple(WorkerState)
    workers = [
        a_worker(
            f"{text}@{text}", kinds[at % len(kinds)], reason=text, software=text, pool=text, queues=(text, *TEXTS),
            active=HUGE - 1, processed=HUGE - 1, concurrency=1, loadavg=(1e300, 0.0), rate=1e300, p95=1e300, freq=1e-9,
            rss=HUGE - 1, skew=-1e9, twins=True, load_history=(0.0, 1e9), latency=0.0, reads=_answers(text),
            beat_at=NOW + 86_400,
        )
        for at, text in enumerate(TEXTS)
    ]  # fmt: skip
    queues = [
        a_queue(
            text, HUGE - 1, unacked=HUGE - 1, by_priority={0: HUGE - 1, 255: 0}, consumers=(text, *TEXTS),
            exchange=text, routing_key=text, in_rate=1e300, out_rate=0.0, oldest=1e300, history=(0, HUGE - 1),
            note=text,
        )
        for text in TEXTS
    ]  # fmt: skip
    reported = [
        event
        for at, text in enumerate(TEXTS)
        for event in task_events(
            a_task(text, states[at % len(states)], id=f"{at}{text}"[:900], worker=text, queue=text, retries=0xFFFF,
                   exception=text, runtime=1e15),
            args=text, kwargs=text, result=text, traceback=text, root_id=text, parent_id=f"{at}{text}"[:900],
        )
    ]  # fmt: skip
    links = [Link(text, text, state, 0.0, text, text, NOW + 1e6, 1e6, 1e6, 1e300, HUGE, HUGE, {text: HUGE},
                  (Gap(0.0, None, text, None, text), Gap(-1e300, 1e300, text, {text: HUGE}, text)), text, {text: HUGE},
                  1e300) for state, text in zip(LinkState, TEXTS, strict=False)]  # fmt: skip
    times = tuple(PlaceTime(text, text, HUGE, 1e300, 1e300) for text in TEXTS)
    incidents = tuple(Incident(text, text, text) for text in TEXTS)
    host = Host(1e300, HUGE, HUGE, HUGE, HUGE, 1e300, times, incidents, dict.fromkeys(TEXTS, HUGE))
    return a_snapshot(workers=workers, queues=queues, reported=[*reported, *hostile_events()], links=links, host=host,
                      name=TEXTS[0], requests={f"worker:{TEXTS[0]}@{TEXTS[0]}": TEXTS[2]})  # fmt: skip


def hostile_events() -> list[Any]:
    """Events of no known kind, of unlikely workers, and out of order."""
    return events(
        *({"type": f"task-{text}", "uuid": text, "hostname": text, "timestamp": 1.0, text: _DEEP} for text in TEXTS),
        *({"type": "worker-heartbeat", "hostname": text, "timestamp": NOW * 2, "freq": 1e-9, "active": -1,
           "loadavg": [1e308], "sw_ident": text} for text in TEXTS),
        {"type": "task-succeeded", "uuid": "never-sent", "hostname": "w", "timestamp": NOW, "runtime": -1.0},
    )  # fmt: skip


def hostile_messages() -> list[Any]:
    """Waiting messages of the same kind."""
    return [
        a_message(text, HUGE - 1, task_id=text, task=text, args=text, kwargs=text, eta=text, retries=HUGE - 1,
                  priority=-1, headers={text: _DEEP}, size=HUGE - 1, content_type=text, raw=b"\xff\x00", problem=text)
        for text in TEXTS
    ]  # fmt: skip


def _answers(text: str) -> dict[str, Read]:
    """Answers of a worker that sends whatever it likes; every other command was answered with an error."""
    wrong: list[Any] = [None, text, 1e300, [text], {text: _DEEP}, [{"id": text, "name": None, "args": _DEEP}], True]
    commands = ("stats", "conf", "active_queues", "active", "reserved", "scheduled", "registered", "revoked")
    reads = {name: Read(wrong[(at + len(text)) % len(wrong)], NOW - 5) for at, name in enumerate(commands)}
    return {**reads, "ping": Read(None, NOW, text)}
