"""How are Celery's things called in Redis? Keys and channels, as kombu's Redis transport builds them.

Prefixes, separator, priority steps and exchange names are options of the watched application; nothing on the server
tells them, so they come from the settings. Source: kombu/transport/redis.py, celery/backends/redis.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SEP = "\x06\x16"
DEFAULT_EXCHANGE = "celery"
STEPS = (0, 3, 6, 9)
RESULT = "celery-task-meta-"


@dataclass(frozen=True)
class Layout:
    """The names of one application. `fanout_prefix` None: no prefix; it may contain `{db}`."""

    db: int = 0
    prefix: str = ""  # global_keyprefix, of the broker's keys and channels
    result_prefix: str = ""  # global_keyprefix of the result backend
    fanout_prefix: str | None = "/{db}."
    fanout_patterns: bool = True
    event_exchange: str = "celeryev"
    control_exchange: str = "celery"
    sep: str = SEP
    steps: tuple[int, ...] = STEPS
    unacked: str = "unacked"

    @property
    def event_channel(self) -> str:
        """A pattern (or, without fanout patterns, the plain name) of the channel of all events.

        An access list must hold it literally: Redis compares patterns of a limited user as text.
        """
        return self._topic(self.event_exchange, "*", str(self.db))

    @property
    def every_event_channel(self) -> str:
        """The same for all databases of the server: pub/sub knows none."""
        return self._topic(self.event_exchange, "*", "*")

    @property
    def control_channel(self) -> str:
        """Where workers listen for remote control."""
        return self._topic(f"{self.control_exchange}.pidbox", "", str(self.db))

    @property
    def result_channel(self) -> str:
        """Where the Redis result backend publishes every result."""
        return f"{self.result_prefix}{RESULT}*"

    def _topic(self, exchange: str, key: str, db: str) -> str:
        fanout = (self.fanout_prefix or "").replace("{db}", db)
        return f"{self.prefix}{fanout}{exchange}" + (f"/{key}" if key and self.fanout_patterns else "")

    def buckets(self, queue: str, steps: Sequence[int] | None = None) -> list[str]:
        """The list keys of a queue, first the one that is served first."""
        return [
            f"{self.prefix}{queue}{self.sep}{step}" if step else self.prefix + queue
            for step in (self.steps if steps is None else steps)
        ]

    def queue_of(self, key: str) -> str | None:
        """The queue that a list key belongs to; None for another application's key."""
        if not key.startswith(self.prefix):
            return None
        name, sep, step = key[len(self.prefix) :].partition(self.sep)
        return None if sep and not step.isdecimal() else name

    def bindings(self, exchange: str) -> str:
        """The set of `routing key, pattern, queue` of an exchange."""
        return f"{self.prefix}_kombu.binding.{exchange}"

    @property
    def deadlines(self) -> str:
        """Until when binding sets are to be kept (kombu >= 5.7)."""
        return f"{self.prefix}_kombu.binding_deadlines"

    @property
    def unacked_key(self) -> str:
        """The hash of messages that workers hold."""
        return self.prefix + self.unacked

    def result_key(self, task_id: str) -> str:
        """Where a result is stored."""
        return f"{self.result_prefix}{RESULT}{task_id}"

    def is_internal(self, queue: str) -> bool:
        """Whether a queue carries events or remote control, not tasks."""
        return (
            queue == self.event_exchange
            or queue.startswith(self.event_exchange + ".")
            or queue.endswith((".pidbox", ".reply." + self.control_exchange))
        )
