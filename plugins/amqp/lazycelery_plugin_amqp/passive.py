"""How many messages wait in one queue? Asked by a passive declare: it creates nothing and needs no permission."""

from dataclasses import dataclass

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_plugin_amqp.delayed import LEVELS
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.troubles import Missing

TOP = "celery_delayed_27"  # the last of the delay queues: where it is, there are all
ALWAYS_THERE = "amq.direct"  # an exchange of every virtual host


@dataclass(frozen=True, slots=True)
class Depth:
    """Ready messages and consumers, None with `refused` a sentence where the broker does not tell."""

    ready: int | None
    consumers: int | None
    refused: str = ""


class Passive:
    """Counts over a line of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def count(self, queue: str) -> Depth | None:
        """None when there is no such queue. Raises SourceError when the line is dead."""
        try:
            told = self._line.ask(lambda channel: channel.queue_declare(queue, passive=True))
        except Missing:
            return None
        except AccessRefused as refusal:
            return Depth(None, None, str(refusal))
        except SourceError as error:
            if not self._line.is_open:
                raise
            return Depth(None, None, str(error))  # another connection's own queue
        return Depth(told.message_count, told.consumer_count)

    def pulse(self) -> None:
        """A round trip that asks for nothing. Raises SourceError when the line is dead."""
        self._line.ask(lambda channel: channel.exchange_declare(ALWAYS_THERE, "direct", passive=True))

    def delays(self) -> dict[str, int | None]:
        """Ready messages of the delay queues, {} where there are none."""
        top = self.count(TOP)
        if top is None:
            return {}
        others = {name: self.count(name) for name in map("celery_delayed_{}".format, range(LEVELS - 1))}
        return {TOP: top.ready, **{name: depth.ready for name, depth in others.items() if depth is not None}}
