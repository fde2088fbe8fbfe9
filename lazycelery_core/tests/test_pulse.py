"""Does a program that stood still find out, whoever looks first?"""

import pytest

from lazycelery_core import pulse as module
from lazycelery_core.pulse import LATE, PERIOD, Pulse

LONG = PERIOD + LATE + 5.0


class Hand:
    """A clock that the test turns."""

    now = 100.0


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    hand = Hand()
    monkeypatch.setattr(module, "seconds", lambda: hand.now)
    monkeypatch.setattr(module.threading.Thread, "start", lambda self: None)  # type: ignore[attr-defined]
    return hand


def test_who_asks_first_after_a_stop_learns_how_long_it_was(hand: Hand) -> None:
    pulse = Pulse()
    pulse.start()
    hand.now += LONG
    assert pulse.stood_still(since=100.0) == LONG
    assert pulse.stood_still(since=100.0) == LONG  # another thread that has not heard of it
    assert pulse.stood_still(since=hand.now) == 0.0  # one that has


def test_ticks_that_come_in_time_are_no_stop(hand: Hand) -> None:
    pulse = Pulse()
    pulse.start()
    for _ in range(100):
        hand.now += PERIOD + LATE / 2
        pulse._look(hand.now)
        pulse._last = hand.now
    assert pulse.stood_still(since=0.0) == 0.0


def test_a_pulse_that_was_never_started_tells_of_no_stop(hand: Hand) -> None:
    pulse = Pulse()
    hand.now += LONG
    assert pulse.stood_still(since=0.0) == 0.0


def test_the_clock_goes_on() -> None:
    assert module.CLOCK
    before = module.seconds()
    assert module.seconds() >= before > 0
