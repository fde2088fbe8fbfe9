"""How is a worker described? Its name, state, load and outcome as short pieces of text, with their tones."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from lazycelery_core.looks import WORKER_STATES
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import UNKNOWN, Safe, age, duration, safe
from lazycelery_core.tones import Line, Tone, line

SAMPLE = 5.0  # s between two samples of load_history
SKEW = 0.1  # s; a clock that is further off is worth a word
BAD_SKEW = 1.0  # s; from here on times of two workers can't be compared
MUCH_FAILING = 0.1  # share of failures that is drawn as one
FULL = 1.0
POOLS = {"thread": "threads"}  # the module's name -> what `celery worker -P` calls it
RANK = {WorkerState.ONLINE: 0, WorkerState.MUTE: 1, WorkerState.LATE: 2, WorkerState.OFFLINE: 3}


def split_name(hostname: str) -> tuple[str, str]:
    """`worker-1@web-7` as name and host; the host is empty where there is none."""
    name, _, host = hostname.partition("@")
    return name, host


@lru_cache(maxsize=8)
def short_names(hostnames: tuple[str, ...]) -> Mapping[str, str]:
    """hostname -> the shortest of name, host and both that tells all of them apart."""
    names = Counter(split_name(hostname)[0] for hostname in hostnames)
    hosts = Counter(split_name(hostname)[1] for hostname in hostnames)
    return {hostname: _shortest(hostname, names, hosts) for hostname in hostnames}


def _shortest(hostname: str, names: Counter[str], hosts: Counter[str]) -> str:
    name, host = split_name(hostname)
    if name and names[name] == 1:
        return name
    return host if host and hosts[host] == 1 and len(names) == 1 else hostname


def short_name(worker: Worker, snapshot: Snapshot) -> str:
    """What this worker is called where there is little room."""
    return short_names(tuple(each.hostname for each in snapshot.workers)).get(worker.hostname, worker.hostname)


def state_tone(worker: Worker) -> Tone:
    """The tone of everything that describes this worker: dim once it is gone."""
    return Tone.DIM if worker.state is WorkerState.OFFLINE else Tone.TEXT


def name_line(worker: Worker, name: str) -> Line:
    """`● worker-1`."""
    look = WORKER_STATES[worker.state]
    return line((f"{look.glyph} ", look.tone), (name, state_tone(worker)))


def is_silent(worker: Worker) -> bool:
    """Whether its last words are too old to say what it does now."""
    return worker.state is not WorkerState.ONLINE


def busy(worker: Worker) -> Safe:
    """`2/4` slots; `?/4` of a worker that can't be asked, a dash of one that is gone."""
    if worker.state is WorkerState.OFFLINE:
        return Safe(UNKNOWN)
    active = "?" if worker.active is None or is_silent(worker) else str(worker.active)
    return safe(f"{active}/{worker.concurrency}" if worker.concurrency else active)


def busy_share(worker: Worker) -> float | None:
    """The share of slots that are busy, None when it isn't known."""
    if is_silent(worker) or worker.active is None or not worker.concurrency:
        return None
    return worker.active / worker.concurrency


def busy_tone(worker: Worker) -> Tone:
    """A worker without a free slot stands out."""
    share = busy_share(worker)
    return Tone.DIM if worker.state is WorkerState.OFFLINE else Tone.WARN if (share or 0.0) >= FULL else Tone.TEXT


def pool(worker: Worker) -> Safe:
    """`prefork 4`."""
    parts = [POOLS.get(worker.pool, worker.pool), str(worker.concurrency) if worker.concurrency else ""]
    return safe(" ".join(part for part in parts if part) or UNKNOWN)


def ended(worker: Worker) -> int:
    """Tasks that ended here since listening began."""
    return worker.succeeded + worker.failed


def failed_share(worker: Worker) -> float | None:
    """Failures among the tasks that ended here, None before the first."""
    return worker.failed / ended(worker) if ended(worker) else None


def beat_age(worker: Worker, now: float) -> float | None:
    """Seconds since the last heartbeat."""
    return None if worker.beat_at is None else max(0.0, now - worker.beat_at)


def skew_text(worker: Worker) -> Safe:
    """`+0.02s`, how far the worker's clock is ahead of ours."""
    if worker.skew is None or abs(worker.skew) < 0.001:
        return Safe(UNKNOWN if worker.skew is None else "0s")
    return Safe(f"{'+' if worker.skew > 0 else '-'}{duration(abs(worker.skew))}")


def software(worker: Worker) -> Safe:
    """`celery 5.7.0 Linux`."""
    return safe(worker.software.removeprefix("py-") or UNKNOWN)


def so_far(seconds: float) -> Safe:
    """How long something lasts: `8s`, `2m15s`; from a day on as `duration`."""
    return Safe(f"{max(0, int(seconds))}s") if seconds < 60 else duration(seconds)


def silence(worker: Worker, now: float) -> str:
    """In words, since when nothing was heard: `no heartbeat for 14s`."""
    beat = beat_age(worker, now)
    return f"no heartbeat for {age(beat)}" if beat is not None else "no heartbeat yet"


def state_sentence(worker: Worker, now: float) -> str:
    """What its state means and why it is believed, for workers that are not simply online."""
    beat = beat_age(worker, now)
    heard = f"last heartbeat {age(beat)} ago (every {worker.freq:g}s expected)" if beat is not None else ""
    return {
        WorkerState.ONLINE: worker.reason,
        WorkerState.LATE: f"{heard or 'no heartbeat yet'}: it is late, blocked or gone. Not counted as online.",
        WorkerState.MUTE: worker.reason or f"{heard or 'no heartbeat'}, but the broker still counts it as a listener.",
        WorkerState.OFFLINE: worker.reason or f"{heard or 'it said goodbye'}; gone from the broker.",
    }[worker.state]
