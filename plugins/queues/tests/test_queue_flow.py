"""Is what is said about a queue's future true, and left unsaid where it is not known?"""

import pytest

from lazycelery_core.model import Queue
from lazycelery_plugin_queues import flow
from lazycelery_plugin_queues.flow import Outlook


@pytest.mark.parametrize(
    "ready, came, left, outlook, shown",
    [
        (0, 1.0, 1.0, Outlook.EMPTY, "–"),
        (None, 1.0, 1.0, Outlook.UNKNOWN, "–"),
        (10, None, None, Outlook.UNKNOWN, "–"),
        (3041, 44.0, 3.1, Outlook.NEVER, "never"),
        (10, 1.0, 1.0, Outlook.STEADY, "steady"),
        (10, 0.0, 0.0, Outlook.NEVER, "never"),
        (210, 12.0, 12.5, Outlook.DRAINS, "7m00s"),
    ],
)
def test_the_outlook_of_a_queue(
    ready: int | None, came: float | None, left: float | None, outlook: Outlook, shown: str
) -> None:
    queue = Queue("q", ready, in_rate=came, out_rate=left)
    assert flow.outlook(queue) is outlook
    assert flow.to_empty_text(queue) == shown


def test_without_rates_the_depth_itself_tells() -> None:
    draining = Queue("q", 40, history=(100, 95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40))
    assert flow.net_rate(draining) == pytest.approx(-1.0)
    assert flow.to_empty_text(draining) == "40s"
    assert flow.net_rate(Queue("q", 40, history=(40,))) is None


def test_a_burst_is_not_growth() -> None:
    assert not flow.is_growing(Queue("q", 90, history=(0, 30, 60, 90)))
    assert not flow.is_growing(Queue("q", 5, history=(5,) * 100)), "it stands still"
    assert not flow.is_growing(Queue("q", 20, history=(*range(19), 10, 20))), "something drained it"


def test_a_minute_without_drain_is_growth() -> None:
    growing = Queue("q", 260, history=tuple(range(0, 280, 20)))
    assert flow.is_growing(growing)
    assert flow.growth(growing) == pytest.approx(4.0)
    assert flow.without_drain(growing) == 60.0


def test_an_empty_queue_has_been_drained() -> None:
    assert flow.without_drain(Queue("q", 0, history=(3, 2, 0))) == 0.0
    assert flow.without_drain(Queue("q", 0)) == 0.0


def test_nobody_consumes_is_said_only_when_it_is_known() -> None:
    assert flow.is_abandoned(Queue("q", 3, consumers=()))
    assert not flow.is_abandoned(Queue("q", 3, consumers=None))
    assert not flow.is_abandoned(Queue("q", 0, consumers=()))
    assert not flow.is_abandoned(Queue("q", 3, consumers=("w1",)))
