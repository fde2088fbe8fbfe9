"""What would one write first? Celery's Receiver and State in a thread, Textual's DataTable on the screen.

Usage: peer_monitor.py URL. One row a task, the newest at the end, brought up to date ten times a second. No row is ever
removed: DataTable needs milliseconds for each.
"""

import sys
import threading
from typing import Any

from celery import Celery
from textual.app import App, ComposeResult
from textual.widgets import DataTable

MOST = 1_000_000  # tasks that State keeps


class Monitor(App[None]):
    """The table and the thread that listens."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, url: str) -> None:
        super().__init__()
        self._celery = Celery("peer", broker=url, set_as_current=False)
        self._state = self._celery.events.State(max_tasks_in_memory=MOST)
        self._dirty: set[str] = set()
        self._lock = threading.Lock()

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Listen, and draw ten times a second."""
        table = self.query_one(DataTable)
        for name in ("id", "task", "state", "worker", "received", "runtime"):
            table.add_column(name, key=name)
        threading.Thread(target=self._listen, daemon=True).start()
        self.set_interval(0.1, self._update)
        table.focus()

    def _listen(self) -> None:
        with self._celery.connection_for_read() as connection:
            receiver = self._celery.events.Receiver(connection, handlers={"*": self._take})
            receiver.capture(limit=None, timeout=None, wakeup=False)

    def _take(self, event: dict[str, Any]) -> None:
        self._state.event(event)
        if "uuid" in event:
            with self._lock:
                self._dirty.add(event["uuid"])

    def _update(self) -> None:
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        table = self.query_one(DataTable)
        for task_id in dirty:
            task = self._state.tasks.get(task_id)
            if task is None:
                continue
            if task_id not in table.rows:
                table.add_row(task_id[:8], task.name, key=task_id)
            table.update_cell(task_id, "state", task.state)
            table.update_cell(task_id, "worker", str(task.worker and task.worker.hostname))
            table.update_cell(task_id, "received", f"{task.received or 0:.1f}")
            table.update_cell(task_id, "runtime", f"{task.runtime or 0:.2f}")


if __name__ == "__main__":
    Monitor(sys.argv[1]).run()
