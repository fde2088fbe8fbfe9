"""What can be set about reading Redis? `[plugins.redis]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """poll: seconds between two counts of the queues. results: whether published results are listened to.

    every_database: hear the events of all databases of the server (a limited user needs a right of its own for that).
    """

    poll: float = 1.0
    results: bool = True
    every_database: bool = False
