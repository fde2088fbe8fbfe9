"""How are the facts of many tasks kept small? Columns of typed arrays, one segment for every 65,536 tasks."""

from array import array
from collections.abc import Sequence
from typing import Literal

from lazycelery_core.store.attempts import Attempts

NAN = float("nan")
STATE = 7  # the bits of `mark` that are the state
RETRIED = 8  # a retry was reported: events before `barrier[row]` belong to an earlier attempt
BY_RESULT = 16  # the state was told by a stored result, not by an event
MARKS = 32


class Segment:
    """`rows` tasks in order of arrival, one array a fact, allocated whole so that numpy can look at the same memory.

    Looked at through memoryviews: an array checks what is written into it with a parser, at twice the cost.

    number: this is the segment of rows number * rows and on. Times are Unix seconds, NaN where unknown; `parent` and
    `root` are hash(id) or 0; name, worker, queue, exception are dictionary codes or -1. `mark` is the TaskState and two
    flags: what needs care is told apart from what does not by one look. `updated` is the time of the event that made
    the state what it is. `ref` is the place of the last report in cold storage, 0 for none. `changed` is the version of
    the store at the row's last change. Facts that few tasks have stand in dicts by place; `receiver`
    is the worker that received the latest attempt, for attempts after the first, as `attempts` is for them only.
    """

    __slots__ = (
        "attempts", "barrier", "changed", "eta", "exception", "ids", "mark", "name", "number", "parent", "queue",
        "received", "receiver", "ref", "retries", "root", "rows", "runtime", "sent", "started", "updated", "worker",
    )  # fmt: skip

    def __init__(self, number: int, rows: int) -> None:
        self.number, self.rows = number, rows
        self.ids: Sequence[str] = ()
        self.mark = bytearray(rows)
        self.retries, self.changed = _whole("H", 0, rows), _whole("I", 0, rows)
        self.name, self.queue = (_whole("h", -1, rows) for _ in range(2))
        self.worker, self.exception = (_whole("i", -1, rows) for _ in range(2))
        self.sent, self.received, self.started, self.updated, self.runtime = (_times(rows) for _ in range(5))
        self.parent, self.root, self.ref = (_whole("q", 0, rows) for _ in range(3))
        self.eta: dict[int, float] = {}
        self.barrier: dict[int, float] = {}
        self.receiver: dict[int, int] = {}
        self.attempts: dict[int, Attempts] = {}

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

    def states(self) -> bytes:
        """The state of every row, without flags."""
        return bytes(self.mark.translate(_WITHOUT_FLAGS))


def _whole(kind: Literal["H", "I", "h", "i", "q"], value: int, rows: int) -> "memoryview[int]":
    return memoryview(array(kind, [value]) * rows)


def _times(rows: int) -> "memoryview[float]":
    return memoryview(array("d", [NAN]) * rows).cast("B").cast("d")


_WITHOUT_FLAGS = bytes(mark & STATE for mark in range(256))
