"""What works on this connection, what does not, and which permission is missing?

Each thing the program needs is tried once, in the order in which it needs it. Nothing is left behind; workers are asked
only where the level allows it, and no queue is looked into: that would leave a mark.
"""

import time
from collections.abc import Callable, Iterator

from lazycelery_core.control import Finding
from lazycelery_core.errors import AccessRefused, LazyCeleryError
from lazycelery_plugin_amqp.address import Address
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.management import Management
from lazycelery_plugin_amqp.pidbox import Inspector
from lazycelery_plugin_amqp.stream import AmqpStream
from lazycelery_plugin_amqp.troubles import Missing

LISTEN = 4.5  # s; Celery's workers send a heartbeat every 2 s, and one may be late
SLICE = 0.25  # s
QUEUE = "celery"  # Celery's default
WITHOUT = "Without it neither rates nor unacknowledged messages are known, nor what kind a queue is."


class Doctor:
    """Diagnoses one connection. ask: whether workers may be asked. management: the API, not asked yet."""

    def __init__(
        self, address: Address, events: str, control: str, ask: bool, management: Callable[[], Management] | None
    ) -> None:
        self._address, self._events, self._control = address, events, control
        self._ask, self._management = ask, management

    def diagnose(self) -> Iterator[Finding]:
        """As `Diagnoses.diagnose`."""
        line = Line(self._address, "doctor")
        try:
            yield (reached := _tried(self._reach(), lambda: self._greeting(line)))
            if reached.ok:
                yield self._server(line)
                yield from self._celery(line)
                yield from self._hears()
                yield self._asks()
                yield self._looks()
                yield from self._manages()
        finally:
            line.close()

    def _reach(self) -> str:
        return f"connect to {self._address.shown}, virtual host {self._address.virtual_host}"

    def _greeting(self, line: Line) -> str:
        line.open()
        tls = self._address.tls
        how = (
            "no TLS" if tls is None else "TLS, certificate verified" if tls.verify else "TLS, certificate NOT verified"
        )
        return f"user {self._address.username}, {how}, {1000 * (line.latency or 0):.1f} ms"

    def _server(self, line: Line) -> Finding:
        told = line.connection.server_properties
        name, version = (str(told.get(each, "?"))[:60] for each in ("product", "version"))
        blocked = "it takes no messages: an alarm of memory or disk" if line.blocked else ""
        return Finding("server", not blocked, f"{name} {version}", "", blocked)

    def _celery(self, line: Line) -> Iterator[Finding]:
        """Whether this is the virtual host where Celery is, and whether its queues can be counted."""
        hint = "Has a worker run here yet? Is it this virtual host?"
        try:
            line.ask(lambda channel: channel.exchange_declare(self._events, "topic", passive=True))
        except Missing:
            yield Finding("find Celery in this virtual host", False, f"no exchange {self._events}", "", hint)
        except LazyCeleryError as error:
            yield Finding("find Celery in this virtual host", False, error.message, "", error.hint)
        yield _tried("count waiting messages", lambda: _counted(line))

    def _hears(self) -> Iterator[Finding]:
        """Whether events may be heard, and whether any come."""
        stream = AmqpStream(Line(self._address, "doctor"), self._events)
        try:
            yield (heard := _tried(f"hear events ({self._events})", lambda: _opened(stream)))
            if heard.ok:
                seconds = _first_event(stream)
                told = "none" if seconds is None else f"the first after {seconds:.1f} s"
                hint = "" if seconds is not None else "No worker, workers without heartbeats, or another virtual host."
                yield Finding("events arrive", seconds is not None, told, "", hint)
        finally:
            stream.close()

    def _asks(self) -> Finding:
        if not self._ask:
            return Finding("ask workers", True, "not tried: the passive level publishes nothing")
        inspector = Inspector(self._address, self._control)
        try:
            return _tried("ask workers", lambda: f"{len(inspector.inspect('ping').nodes)} answered")
        finally:
            inspector.close()

    def _looks(self) -> Finding:
        if not self._ask:
            return Finding("look into queues", True, "not tried: the passive level leaves no mark on messages")
        return Finding("look into queues", True, "not tried: it would leave a mark; needs read on the queue")

    def _manages(self) -> Iterator[Finding]:
        """The management API: welcome, not needed."""
        if self._management is None:
            return
        api = self._management()
        try:
            api.step(time.monotonic())
            if api.works:
                rates = "with rates" if api.has_rates else "rates are switched off"
                yield Finding("management API", True, f"{len(api.queues):,} queues, {rates}")
            else:
                yield Finding("management API", False, api.trouble, "", WITHOUT)
            for alarm in api.alarms:
                yield Finding("alarm", False, alarm)
        finally:
            api.close()


def _counted(line: Line) -> str:
    """A passive declare needs no permission, so only the line can fail."""
    try:
        told = line.ask(lambda channel: channel.queue_declare(QUEUE, passive=True))
    except Missing:
        return f"there is no queue {QUEUE}"
    return f"{told.message_count:,} in {QUEUE}"


def _first_event(stream: AmqpStream) -> float | None:
    """Seconds until something was heard, None if nothing was within LISTEN."""
    started = time.monotonic()
    while (seconds := time.monotonic() - started) < LISTEN:
        if stream.read(SLICE):
            return seconds
    return None


def _opened(stream: AmqpStream) -> str:
    stream.open()
    return stream.notice()


def _tried(what: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, attempt())
    except AccessRefused as error:
        return Finding(what, False, error.message, error.right, error.hint)
    except LazyCeleryError as error:
        return Finding(what, False, error.message, "", error.hint)
