"""What can be asked of a Celery on RabbitMQ, at which level?"""

from collections.abc import Callable, Iterable

from lazycelery_core.control import Level
from lazycelery_core.redact import Redactor
from lazycelery_plugin_amqp.address import Address
from lazycelery_plugin_amqp.doctor import Doctor
from lazycelery_plugin_amqp.kinds import Kinds, Told
from lazycelery_plugin_amqp.management import Management
from lazycelery_plugin_amqp.peek import Peeker
from lazycelery_plugin_amqp.pidbox import Commander, Inspector, Pidbox

MET = "met:"  # the topic that names a worker that is there


def nothing(queue: str) -> None:
    """The word of a management API that is not there."""


class Abilities:
    """Makes the objects for `control.py`'s protocols; what a level forbids is never built.

    Peeking belongs to the read-only level: it leaves a mark.
    """

    def __init__(
        self,
        broker: Address,
        control_exchange: str = "celery",
        redactor: Redactor | None = None,
        event_exchange: str = "celeryev",
    ) -> None:
        self._broker, self._exchange, self._events = broker, control_exchange, event_exchange
        self._redactor = redactor or Redactor()
        self._told: Callable[[str], Told | None] = nothing
        self._management: Callable[[], Management] | None = None
        self._pidboxes: list[Pidbox] = []

    def learn_from(self, told: Callable[[str], Told | None], management: Callable[[], Management]) -> None:
        """Where it is known what kind of queue one is: the management API, None for what it does not tell.

        management: makes one of its own for whoever wants to try it.
        """
        self._told, self._management = told, management

    def up_to(self, level: Level) -> Iterable[object]:
        """Those that this level allows."""
        asks = level >= Level.READ_ONLY
        yield Doctor(self._broker, self._events, self._exchange, asks, self._management)
        if asks:
            inspector = Inspector(self._broker, self._exchange)
            self._pidboxes.append(inspector)
            yield inspector
            yield Peeker(self._broker, self._redactor, Kinds(self._told, inspector), level >= Level.GRANTED)
        if level >= Level.GRANTED:
            commander = Commander(self._broker, self._exchange)
            self._pidboxes.append(commander)
            yield commander

    def blocked(self) -> bool:
        """Whether the broker told one who asks workers that an alarm stops what is published."""
        told = [pidbox.blocked() for pidbox in self._pidboxes]  # each of them takes in what came
        return any(told)

    def focus(self, topics: frozenset[str]) -> None:
        """As `Source.focus`: whose answers are waited for."""
        met = [topic.removeprefix(MET) for topic in topics if topic.startswith(MET)]
        for pidbox in self._pidboxes:
            pidbox.meet(met)
