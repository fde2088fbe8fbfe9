"""Are the words about a worker true, also where little is known?"""

from dataclasses import replace

import pytest

from lazycelery_core.model import Worker, WorkerState
from lazycelery_plugin_workers import facts

NOW = 1_700_000_000.0
BUSY = Worker("worker-1@web-7", WorkerState.ONLINE, active=2, concurrency=4, pool="prefork", beat_at=NOW - 3)


@pytest.mark.parametrize(
    "hostnames, short",
    [
        (("worker-1@web-7", "worker-2@web-7"), ("worker-1", "worker-2")),
        (("celery@web-7", "celery@web-8"), ("web-7", "web-8")),
        (("celery@web-7", "celery@web-8", "mail@web-8"), ("celery@web-7", "celery@web-8", "mail")),
        (("solo",), ("solo",)),
        (("@", "@x"), ("@", "x")),
    ],
)
def test_the_shortest_name_that_tells_all_workers_apart_is_shown(
    hostnames: tuple[str, ...], short: tuple[str, ...]
) -> None:
    assert tuple(facts.short_names(hostnames)[each] for each in hostnames) == short


@pytest.mark.parametrize(
    "state, active, concurrency, shown",
    [
        (WorkerState.ONLINE, 2, 4, "2/4"),
        (WorkerState.ONLINE, None, 4, "?/4"),
        (WorkerState.ONLINE, 2, None, "2"),
        (WorkerState.LATE, 2, 4, "?/4"),
        (WorkerState.MUTE, 2, 4, "?/4"),
        (WorkerState.OFFLINE, 2, 4, "–"),
    ],
)
def test_old_words_of_a_silent_worker_are_not_shown_as_news(
    state: WorkerState, active: int | None, concurrency: int | None, shown: str
) -> None:
    worker = replace(BUSY, state=state, active=active, concurrency=concurrency)
    assert facts.busy(worker) == shown


def test_failures_before_the_first_end_are_unknown_and_not_zero() -> None:
    assert facts.failed_share(BUSY) is None
    assert facts.failed_share(replace(BUSY, succeeded=3, failed=1)) == 0.25


def test_a_heartbeat_from_the_future_is_now() -> None:
    assert facts.beat_age(replace(BUSY, beat_at=NOW + 60), NOW) == 0.0


def test_each_state_explains_itself() -> None:
    for state in (WorkerState.LATE, WorkerState.MUTE, WorkerState.OFFLINE):
        assert facts.state_sentence(replace(BUSY, state=state), NOW)
    late = facts.state_sentence(replace(BUSY, state=WorkerState.LATE, beat_at=NOW - 14), NOW)
    assert late == "last heartbeat 14s ago (every 2s expected): it is late, blocked or gone. Not counted as online."


def test_what_the_store_believes_and_why_is_said_in_its_own_words() -> None:
    gone = replace(BUSY, state=WorkerState.OFFLINE, reason="said goodbye at 14:31")
    assert facts.state_sentence(gone, NOW) == "said goodbye at 14:31"


def test_skew_has_a_sign() -> None:
    assert facts.skew_text(replace(BUSY, skew=0.02)) == "+0.02s"
    assert facts.skew_text(replace(BUSY, skew=-3.2)) == "-3.20s"
    assert facts.skew_text(replace(BUSY, skew=-0.0004)) == "0s"
    assert facts.skew_text(BUSY) == "–"
