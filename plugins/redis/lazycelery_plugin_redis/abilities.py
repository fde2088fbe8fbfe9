"""What can be asked of a Celery on Redis, at which level?"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lazycelery_core.control import Level
from lazycelery_core.redact import Redactor
from lazycelery_plugin_redis.address import Address
from lazycelery_plugin_redis.doctor import Doctor
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Shared
from lazycelery_plugin_redis.peek import Peeker
from lazycelery_plugin_redis.pidbox import Commander, Inspector
from lazycelery_plugin_redis.results import ResultStore


@dataclass(frozen=True)
class Abilities:
    """Makes the objects for `control.py`'s protocols; what a level forbids is never built.

    results: the server of the result backend, None when it is not Redis.
    """

    broker: Address
    layout: Layout
    results: Address | None = None
    redactor: Redactor = field(default_factory=Redactor)

    def up_to(self, level: Level) -> Iterable[object]:
        """Those that this level allows."""
        yield Peeker(Shared(self.broker), self.layout, self.redactor)
        yield Doctor(self.broker, self.layout, ask=level >= Level.READ_ONLY)
        if self.results is not None:
            yield ResultStore(Shared(self.results), self.layout)
        if level >= Level.READ_ONLY:
            yield Inspector(self.broker, self.layout)
        if level >= Level.GRANTED:
            yield Commander(self.broker, self.layout)
