"""What about the workers needs a word: which are late, mute or gone, share a name, run fast or send no events?

One line each, worst first, with the key that helps where there is one.
"""

from collections.abc import Callable, Iterator, Sequence

from lazycelery_core.looks import WARNING, WORKER_STATES
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers.facts import BAD_SKEW, RANK, short_name, silence, skew_text, state_sentence

Wording = Callable[[Worker, Snapshot], str]


def short_notes(snapshot: Snapshot) -> list[Line]:
    """For a narrow list: `◐ worker-4 no heartbeat for 14s`."""
    return [*_silent(snapshot, _briefly), *_twins(snapshot), *_skewed(snapshot), *_events_off(snapshot)]


def long_notes(snapshot: Snapshot) -> list[Line]:
    """For a wide list: whole sentences that say what is believed and why."""
    return [*_silent(snapshot, _in_full), *_twins(snapshot), *_skewed(snapshot), *_events_off_in_full(snapshot)]


def _briefly(worker: Worker, snapshot: Snapshot) -> str:
    if worker.state is WorkerState.MUTE:
        return "hears but does not answer"
    return silence(worker, snapshot.now)


def _in_full(worker: Worker, snapshot: Snapshot) -> str:
    return state_sentence(worker, snapshot.now)


def _silent(snapshot: Snapshot, wording: Wording) -> Iterator[Line]:
    """Late and mute workers. One that said goodbye is no news: its row says so."""
    silent = [each for each in snapshot.workers if each.state in (WorkerState.LATE, WorkerState.MUTE)]
    for worker in sorted(silent, key=lambda each: -RANK[each.state]):
        look = WORKER_STATES[worker.state]
        yield line((f"{look.glyph} {short_name(worker, snapshot)} {wording(worker, snapshot)}", look.tone))


def _twins(snapshot: Snapshot) -> Iterator[Line]:
    for worker in snapshot.workers:
        if worker.twins:
            pids = ", ".join(map(str, worker.pids[:4]))
            yield line((f"{WARNING} {short_name(worker, snapshot)} is the name of two workers: pids {pids}", Tone.WARN))


def _skewed(snapshot: Snapshot) -> Iterator[Line]:
    for worker in snapshot.workers:
        if worker.skew is not None and abs(worker.skew) >= BAD_SKEW and worker.state is not WorkerState.OFFLINE:
            text = f"{WARNING} clock of {short_name(worker, snapshot)} is {skew_text(worker)} off, times are corrected"
            yield line((text, Tone.WARN))


def without_events(workers: Sequence[Worker]) -> list[Worker]:
    """Workers that are here and are known to send no task events."""
    return [each for each in workers if each.task_events is False and each.state is not WorkerState.OFFLINE]


def _events_off(snapshot: Snapshot) -> Iterator[Line]:
    silent = without_events(snapshot.workers)
    if silent:
        number = f"{len(silent)} worker" if len(silent) == 1 else f"{len(silent)} workers"
        yield line((f"events off on {number} · ", Tone.DIM), ("e", Tone.ACCENT), (" on", Tone.DIM))


def _events_off_in_full(snapshot: Snapshot) -> Iterator[Line]:
    silent = without_events(snapshot.workers)
    if silent:
        names = ", ".join(short_name(each, snapshot) for each in silent[:3])
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
        right = "" if "events" in snapshot.scopes else " (needs --allow events)"
        yield line(
            (f"Task events are off on {names}{more}: only what inspect returns is shown. ", Tone.DIM),
            ("e", Tone.ACCENT), (f" enables them{right}.", Tone.DIM),
        )  # fmt: skip
