"""How are the facts of many tasks kept small? Columns of typed arrays, one segment for every 65,536 tasks."""

from array import array
from collections.abc import Sequence

NAN = float("nan")


class Segment:
    """`rows` tasks in order of arrival, one array a fact, allocated whole so that numpy can look at the same memory.

    number: this is the segment of rows number * rows ... Times are Unix seconds, NaN where unknown; `parent`, `root` are
    hash(id) or 0; name, worker, queue, exception are dictionary codes or -1. `updated` is the time of the event that made
    the state what it is. `ref` is the place of the last report in cold storage, 0 for none. `changed` is the version of
    the store at the row's last change. `flags`: see below. Facts that few tasks have stand in dicts by row.
    """

    __slots__ = (
        "barrier", "changed", "eta", "exception", "flags", "ids", "name", "number", "parent", "queue", "received",
        "ref", "retries", "root", "rows", "runtime", "sent", "started", "state", "updated", "worker",
    )  # fmt: skip

    def __init__(self, number: int, rows: int) -> None:
        self.number, self.rows = number, rows
        self.ids: Sequence[str] = ()
        self.state, self.flags = array("B", bytes(rows)), array("B", bytes(rows))
        self.retries = array("H", bytes(2 * rows))
        self.changed = array("I", bytes(4 * rows))
        self.name, self.worker, self.queue, self.exception = (array("i", [-1]) * rows for _ in range(4))
        self.sent, self.received, self.started, self.updated, self.runtime = (
            array("d", [NAN]) * rows for _ in range(5)
        )
        self.parent, self.root, self.ref = (array("q", bytes(8 * rows)) for _ in range(3))
        self.eta: dict[int, float] = {}
        self.barrier: dict[int, float] = {}

    @property
    def size(self) -> int:
        """Rows in use."""
        return len(self.ids)

    def use(self) -> list[str]:
        """The list that ids of new rows are appended to."""
        ids: list[str] = []
        self.ids = ids
        return ids

    def close(self) -> None:
        """No row will be added: ids become a tuple, which the garbage collector need not visit."""
        self.ids = tuple(self.ids)


RETRIED = 1  # a retry was reported: events before `barrier[row]` belong to an earlier attempt
BY_RESULT = 2  # the state was told by a stored result, not by an event
