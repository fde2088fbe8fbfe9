"""What about the workers needs a word: which are late, mute or gone, share a name, run fast or send no events?

One line each, worst first, with the key that helps where there is one.
"""

from collections.abc import Callable, Iterator, Sequence

from lazycelery_core.looks import WARNING, WORKER_STATES
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers.facts import BAD_SKEW, short_name, silence, skew_text, state_sentence

MANY = 3  # workers named one by one
Wording = Callable[[Worker, Snapshot], str]


def short_notes(shown: Sequence[Worker], snapshot: Snapshot) -> list[Line]:
    """For a narrow list: `◐ worker-4 no heartbeat for 14s`."""
    return [*_common(shown, snapshot, _briefly), *_events_off(shown)]


def long_notes(shown: Sequence[Worker], snapshot: Snapshot) -> list[Line]:
    """For a wide list: whole sentences that say what is believed and why."""
    return [*_common(shown, snapshot, _in_full), *_events_off_in_full(shown, snapshot)]


def _common(shown: Sequence[Worker], snapshot: Snapshot, wording: Wording) -> list[Line]:
    return [*_silent(shown, snapshot, wording), *_twins(shown, snapshot), *_skewed(shown, snapshot)]


def _briefly(worker: Worker, snapshot: Snapshot) -> str:
    if worker.state is WorkerState.MUTE:
        return "hears but does not answer"
    return silence(worker, snapshot.now)


def _in_full(worker: Worker, snapshot: Snapshot) -> str:
    return state_sentence(worker, snapshot.now)


def _silent(shown: Sequence[Worker], snapshot: Snapshot, wording: Wording) -> Iterator[Line]:
    """Late and mute workers. One that said goodbye is no news: its row says so."""
    for state in (WorkerState.LATE, WorkerState.MUTE):
        look = WORKER_STATES[state]
        found = [each for each in shown if each.state is state]
        if len(found) > MANY:
            yield line((f"{look.glyph} {len(found)} workers are {look.word}: {_names(found, snapshot)}", look.tone))
            continue
        for worker in found:
            yield line((f"{look.glyph} {short_name(worker, snapshot)} {wording(worker, snapshot)}", look.tone))


def _names(workers: Sequence[Worker], snapshot: Snapshot) -> str:
    """`worker-1, worker-2, worker-3 and 4 more`."""
    more = f" and {len(workers) - MANY} more" if len(workers) > MANY else ""
    return ", ".join(short_name(each, snapshot) for each in workers[:MANY]) + more


def _twins(shown: Sequence[Worker], snapshot: Snapshot) -> Iterator[Line]:
    for worker in [each for each in shown if each.twins][:MANY]:
        pids = ", ".join(map(str, worker.pids[:4]))
        yield line((f"{WARNING} {short_name(worker, snapshot)} is the name of two workers: pids {pids}", Tone.WARN))


def _skewed(shown: Sequence[Worker], snapshot: Snapshot) -> Iterator[Line]:
    here = [each for each in shown if each.state is not WorkerState.OFFLINE]
    for worker in [each for each in here if abs(each.skew or 0.0) >= BAD_SKEW][:MANY]:
        text = f"{WARNING} clock of {short_name(worker, snapshot)} is {skew_text(worker)} off, times are corrected"
        yield line((text, Tone.WARN))


def without_events(workers: Sequence[Worker]) -> list[Worker]:
    """Workers that are here and are known to send no task events."""
    return [each for each in workers if each.task_events is False and each.state is not WorkerState.OFFLINE]


def _events_off(shown: Sequence[Worker]) -> Iterator[Line]:
    silent = without_events(shown)
    if silent:
        number = f"{len(silent)} worker" if len(silent) == 1 else f"{len(silent)} workers"
        yield line((f"events off on {number} · ", Tone.DIM), ("e", Tone.ACCENT), (" on", Tone.DIM))


def _events_off_in_full(shown: Sequence[Worker], snapshot: Snapshot) -> Iterator[Line]:
    silent = without_events(shown)
    if silent:
        right = "" if "events" in snapshot.scopes else " (needs --allow events)"
        yield line(
            (f"Task events are off on {_names(silent, snapshot)}: only what inspect returns is shown. ", Tone.DIM),
            ("e", Tone.ACCENT), (f" enables them{right}.", Tone.DIM),
        )  # fmt: skip
