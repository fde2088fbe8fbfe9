"""What can be asked of a Celery on RabbitMQ, at which level?"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lazycelery_core.control import Level
from lazycelery_core.redact import Redactor
from lazycelery_plugin_amqp.address import Address


@dataclass(frozen=True)
class Abilities:
    """Makes the objects for `control.py`'s protocols; what a level forbids is never built."""

    broker: Address
    control_exchange: str = "celery"
    redactor: Redactor = field(default_factory=Redactor)

    def up_to(self, level: Level) -> Iterable[object]:
        """Those that this level allows."""
        return ()
