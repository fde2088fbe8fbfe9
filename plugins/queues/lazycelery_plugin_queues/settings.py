"""What can be set about the queues view? `[plugins.queues]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueuesSettings:
    """peek: messages of the selected queue that are read, at most 200. every: seconds between two reads."""

    peek: int = 50
    every: float = 2.0
