"""What does the conformance suite need of a broker? The one class that the author of a broker's plugin has to write.

See `conformance.py` for the suite and docs/write-a-broker.md for how the two are put together.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class TestedBroker(ABC):
    """A real server of the test's own, with nothing on it, reached through its URL by Celery and by LazyCelery alike.

    settings: what Celery needs to be set beside `broker_url`. config: what LazyCelery's configuration file has to say,
    for servers that are not on their usual ports. first_priority, last_priority: what is delivered first, and last.
    counts_held: whether messages that a worker holds can be counted. free_looks: whether peeking leaves no mark.
    """

    __test__ = False  # its name begins like a test's

    url: str
    settings: Mapping[str, Any]
    config: str = ""
    first_priority: int = 9
    last_priority: int = 0
    counts_held: bool = True
    free_looks: bool = True

    @abstractmethod
    def publish(self, body: bytes, content_type: str = "application/json") -> None:
        """One message to the event exchange, as a worker sends it. Raises OSError when the broker did not take it."""

    @abstractmethod
    def delete(self, queue: str) -> None:
        """The queue with its bindings and messages is no more."""

    @abstractmethod
    def kill(self) -> None:
        """The server is gone, at once."""

    @abstractmethod
    def start(self) -> None:
        """It is there again, at the same address."""

    @abstractmethod
    def freeze(self) -> None:
        """It answers nothing, and closes nothing."""

    @abstractmethod
    def thaw(self) -> None:
        """It goes on."""

    @abstractmethod
    def cut(self) -> None:
        """Every connection is closed from the server's side; new ones work."""

    @abstractmethod
    def left_behind(self) -> Mapping[str, Any]:
        """Everything that a client could leave at the broker, comparable: names of queues, keys, bindings; messages."""

    @abstractmethod
    def url_without(self, right: str) -> str:
        """A login that may do everything but one thing: "events" (hear them) or "workers" (ask them)."""
