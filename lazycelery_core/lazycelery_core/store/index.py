"""In which row is the task with this id?"""

from collections.abc import Sequence

SHARDS = 256  # one dict that grows stops the world for 25 ms; the worst of 256 for 0.2 ms
FORGET = 2  # old ids forgotten for each new one: eviction without a pause


class Index:
    """Task id -> row number, over `SHARDS` dicts by hash.

    Whoever adds an id writes it into its shard, `shards[hash(id) & 255]`. Ids of dropped rows are forgotten bit by bit;
    until then they lead to a row below the first that is held.
    """

    __slots__ = ("_forgotten", "dropped", "shards")

    def __init__(self) -> None:
        self.shards: list[dict[str, int]] = [{} for _ in range(SHARDS)]
        self.dropped: list[tuple[Sequence[str], int]] = []  # (ids, first row) of dropped segments
        self._forgotten = 0

    def get(self, task_id: str) -> int:
        """The row of a task, -1 when there is none."""
        return self.shards[hash(task_id) & SHARDS - 1].get(task_id, -1)

    def drop(self, ids: Sequence[str], first: int) -> None:
        """The rows first ... of a segment are gone."""
        self.dropped.append((ids, first))

    def forget_some(self) -> None:
        """Called for each new id while `dropped` is not empty."""
        ids, first = self.dropped[0]
        for offset in range(self._forgotten, min(self._forgotten + FORGET, len(ids))):
            shard = self.shards[hash(ids[offset]) & SHARDS - 1]
            if shard.get(ids[offset]) == first + offset:  # else the id came again later
                del shard[ids[offset]]
        self._forgotten += FORGET
        if self._forgotten >= len(ids):
            self.dropped.pop(0)
            self._forgotten = 0
