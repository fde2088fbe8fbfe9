"""What does a plugin author test with? Everything public in one place: `from lazycelery_core.testing.kit import ...`.

    a_task, a_worker, a_queue, a_message     records, unknown where nothing is said
    a_snapshot, task_events, events          a snapshot of a real store that took in tasks and events; NOW is its clock
    hostile_snapshot                         the same at its worst
    draw, draw_tab, records                  a pane or a tab as text, the records of a table
    load_plugin                              what one plugin brings, with settings from a text
    check_plugin                             the whole contract in one call
    FakeWorkers, FakeQueues, FakeResults     abilities for actions and sources, without a broker
    wait_until                               instead of sleeping

Fixtures for real servers and workers are in `fixtures.py`; pytest finds them by itself.
"""

from lazycelery_core.testing.builders import (
    NOW,
    a_message,
    a_queue,
    a_snapshot,
    a_task,
    a_worker,
    events,
    task_events,
)
from lazycelery_core.testing.contract import check_plugin, problems
from lazycelery_core.testing.drawing import draw, draw_tab, records
from lazycelery_core.testing.fakes import Asked, FakeQueues, FakeResults, FakeWorkers
from lazycelery_core.testing.hostile import hostile_events, hostile_messages, hostile_snapshot
from lazycelery_core.testing.loading import load_plugin, plugin_name
from lazycelery_core.testing.processes import wait_until

__all__ = [
    "NOW",
    "Asked",
    "FakeQueues",
    "FakeResults",
    "FakeWorkers",
    "a_message",
    "a_queue",
    "a_snapshot",
    "a_task",
    "a_worker",
    "check_plugin",
    "draw",
    "draw_tab",
    "events",
    "hostile_events",
    "hostile_messages",
    "hostile_snapshot",
    "load_plugin",
    "plugin_name",
    "problems",
    "records",
    "task_events",
    "wait_until",
]
