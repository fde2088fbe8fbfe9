"""Is what could not be counted kept apart from what is empty?"""

import pytest

from lazycelery_core.events import QueueSample
from lazycelery_core.redact import Redactor
from lazycelery_core.store import Limits, Store

NOW = 1_700_000_000.0


def store_of(*samples: QueueSample) -> Store:
    store = Store(Limits(tasks=1000, segment_rows=256), Redactor(), NOW)
    store.apply(samples, NOW)
    return store


@pytest.mark.parametrize("ready, shown", [({}, None), ({0: 0}, 0), ({0: 2, 3: 5}, 7)])
def test_a_queue_that_could_not_be_read_is_unknown_and_not_empty(ready: dict[int, int], shown: int | None) -> None:
    (queue,) = store_of(QueueSample("media", NOW, ready, note="no right to read this queue")).queues(NOW)
    assert queue.ready == shown
    assert (queue.in_rate, queue.out_rate) == (None, None)


def test_a_count_that_fails_leaves_the_history_as_it_was() -> None:
    (queue,) = store_of(QueueSample("media", NOW, {0: 9}), QueueSample("media", NOW + 5, {})).queues(NOW + 5)
    assert queue.ready is None
    assert set(queue.history) == {9}
