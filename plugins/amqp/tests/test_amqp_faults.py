"""What happens to the events when RabbitMQ dies, freezes, refuses, cuts us off, or when the line goes bad?

Each fault on a real server: it is told in a sentence, the stream comes back by itself, what was lost lies inside the
gaps that are declared, and nothing of ours stays at the broker.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import amqp
import pytest

from lazycelery_core.errors import SourceError
from lazycelery_core.events import WireEvent
from lazycelery_core.model import Gap, Link, LinkState
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.supervisor import Supervisor
from lazycelery_core.testing.amqp_wire import AmqpWire, numbers_over
from lazycelery_core.testing.kit import wait_until
from lazycelery_core.testing.numbered import Numbers
from lazycelery_core.testing.proxy import proxy_of
from lazycelery_core.testing.rabbitmq import NONE, Grant, Rabbit, Vhost, start_rabbitmq
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import line
from lazycelery_plugin_amqp import stream as stream_module
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.stream import AGE, MOST, AmqpStream

pytestmark = pytest.mark.slow
PATIENCE = 30.0  # s; of a busy machine. The promise is 3 s until told and 2 s until back
TIDY = 60.0  # s; a broker sees a half-open line as dead after two heartbeats


class Watched:
    """A stream on the host's thread, and what came of it."""

    def __init__(self, url: str, exchange: str = "celeryev") -> None:
        self.stream = AmqpStream(Line(address_of(BrokerURL.parse(url)), "events"), exchange)
        self.heard: set[str] = set()
        self.supervisor = Supervisor(self.stream, self._deliver, lambda source, gap: None, PluginHealth())

    def _deliver(self, _: Any, events: Any, now: float) -> None:
        self.heard.update(event.uuid for event in events if isinstance(event, WireEvent))

    @property
    def link(self) -> Link:
        return self.supervisor.link()

    @property
    def gaps(self) -> list[Gap]:
        return [gap for gap in self.link.gaps if gap.end is not None]

    def is_live(self) -> bool:
        return self.link.state in (LinkState.LIVE, LinkState.SLOW)

    def told(self, what: str) -> Link:
        """Wait until the loss is told, or was already and is over."""
        wait_until(lambda: self.link.error or self.gaps, "the loss is told", PATIENCE)
        link = self.link
        assert what in f"{link.error} {link.hint} {' '.join(gap.cause for gap in link.gaps)}"
        return link

    def back(self, gaps: int = 1) -> Gap:
        """Wait until it is live again; the gap that is declared for it."""
        wait_until(lambda: self.is_live() and len(self.gaps) >= gaps, "it is live again", PATIENCE)
        return self.gaps[-1]

    def flows(self, numbers: Numbers) -> None:
        """Wait until events of now arrive."""
        begun = time.time()
        wait_until(
            lambda: any(each.task_id in self.heard for each in list(numbers.sent) if each.before > begun),
            "events flow",
            PATIENCE,
        )

    def lost_only_in_gaps(self, numbers: Numbers, since: float) -> int:
        """How many numbered events never came, all of them published in one of the gaps; late ones are waited for."""
        until = time.time()

        def lost() -> list[Any]:
            return [
                each for each in list(numbers.sent) if since < each.before < until and each.task_id not in self.heard
            ]

        def is_covered(each: Any) -> bool:
            return any(gap.start <= each.after and each.before <= (gap.end or each.before) for gap in self.gaps)

        wait_until(lambda: all(map(is_covered, lost())), "what is lost lies in a gap", PATIENCE)
        return len(lost())


@contextmanager
def watching(url: str, exchange: str = "celeryev") -> Iterator[Watched]:
    watched = Watched(url, exchange)
    watched.supervisor.start()
    try:
        yield watched
    finally:
        watched.supervisor.stop()
        assert watched.supervisor.join(PATIENCE)


@pytest.fixture(scope="module")
def server(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """A server that may be hurt; each test leaves it running."""
    with start_rabbitmq(tmp_path_factory.mktemp("faults")) as server:
        yield server


@pytest.fixture
def vhost(server: Rabbit) -> Iterator[Vhost]:
    with server.vhost() as vhost:
        yield vhost


@pytest.fixture
def numbers(vhost: Vhost) -> Iterator[Numbers]:
    with numbers_over(vhost.url) as numbers:
        wait_until(lambda: numbers.sent, "the exchange", PATIENCE)
        yield numbers


@pytest.fixture
def watched(vhost: Vhost, numbers: Numbers) -> Iterator[Watched]:
    with watching(vhost.url) as watched:
        watched.flows(numbers)
        yield watched


Fault = Callable[[Vhost, Watched], None]


def kill(vhost: Vhost, watched: Watched) -> None:
    vhost.server.kill()
    watched.told("closed the connection")
    vhost.server.start()


def stop(vhost: Vhost, watched: Watched) -> None:
    vhost.server.stop()
    watched.told("")
    vhost.server.start()


def freeze(vhost: Vhost, watched: Watched) -> None:
    vhost.server.freeze()
    try:
        watched.told("No answer from 127.0.0.1")
    finally:
        vhost.server.thaw()


def close(vhost: Vhost, watched: Watched) -> None:
    vhost.close_connections("tidying up")
    watched.told("tidying up")


def delete(vhost: Vhost, watched: Watched) -> None:
    vhost.delete_queue(watched.stream.queue)
    watched.told("Somebody deleted its queue")


@pytest.mark.parametrize("fault", [kill, stop, freeze, close, delete], ids=lambda fault: fault.__name__)
def test_a_fault_is_told_and_over_when_the_broker_is_back_and_leaves_nothing(server: Rabbit, fault: Fault) -> None:
    with server.vhost() as vhost, numbers_over(vhost.url) as numbers:
        wait_until(lambda: numbers.sent, "the exchange", PATIENCE)
        with watching(vhost.url) as watched:
            watched.flows(numbers)
            before, since = vhost.holds()[:2], time.time()
            fault(vhost, watched)
            gap = watched.back()
            assert gap.start < (gap.end or 0)
            watched.flows(numbers)
            assert watched.lost_only_in_gaps(numbers, since) >= 0
            wait_until(lambda: vhost.holds()[:2] == before, "one queue of ours, as before", TIDY)
        numbers.end()
        wait_until(lambda: vhost.holds()[:2] == (0, 0), "nothing of ours", TIDY)


def test_a_line_that_swallows_everything_is_noticed_and_its_queue_goes_in_the_end(
    vhost: Vhost, numbers: Numbers
) -> None:
    with proxy_of(vhost.server.port) as proxy:
        with watching(f"{vhost.url_for(port=proxy.port)}?heartbeat=2") as watched:
            watched.flows(numbers)
            since = time.time()
            proxy.hole = True
            watched.told("No answer from 127.0.0.1")
            proxy.hole = False
            watched.back()
            watched.flows(numbers)
            watched.lost_only_in_gaps(numbers, since)
            wait_until(lambda: len(vhost.queues()) == 1, "the queue of the dead line to be gone", TIDY)
        wait_until(lambda: vhost.queues() == [], "nothing of ours", TIDY)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no dead line, where none is tried."""
    for module, limit in ((line, "CONNECT"), (line, "ANSWER"), (stream_module, "ANSWER")):
        monkeypatch.setattr(module, limit, 20.0)


@pytest.mark.usefixtures("patience")
def test_a_line_that_drips_is_no_dead_one(vhost: Vhost, numbers: Numbers) -> None:
    with proxy_of(vhost.server.port) as proxy:
        proxy.trickle = 40_000
        with watching(vhost.url_for(port=proxy.port)) as watched:
            watched.flows(numbers)
            begun = time.monotonic()
            wait_until(lambda: time.monotonic() > begun + 4, "the dripping to last")
            assert watched.gaps == []


@pytest.mark.usefixtures("patience")
def test_an_exchange_that_is_deleted_is_noticed_waited_for_and_heard_again(vhost: Vhost) -> None:
    with AmqpWire(vhost.url, "gone") as wire, watching(vhost.url, "gone") as watched:
        wait_until(watched.is_live, "it is live", PATIENCE)
        _delete_exchange(vhost, "gone")
        watched.told("There is no exchange gone")
        watched.back()
        wait_until(lambda: "no exchange gone" in watched.link.notice, "that it waits", PATIENCE)
        wire.close()
        wire.open()
        wait_until(lambda: not watched.link.notice, "that it hears", PATIENCE)
        wire.event(type="task-received", uuid="again", hostname="w@a")
        wait_until(lambda: "again" in watched.heard, "the next event", PATIENCE)


def _delete_exchange(vhost: Vhost, name: str) -> None:
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name)
    connection.connect()
    connection.channel().exchange_delete(name)
    connection.close()


@pytest.mark.usefixtures("patience")
def test_a_memory_alarm_stops_publishers_and_not_us(server: Rabbit, watched: Watched, numbers: Numbers) -> None:
    server.alarm(True)
    try:
        wait_until(lambda: not _publishes(numbers), "publishers to be stopped", PATIENCE)
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() > begun + 4, "the alarm to last")
        assert watched.is_live()
    finally:
        server.alarm(False)
    watched.flows(numbers)
    assert watched.gaps == []


def _publishes(numbers: Numbers) -> bool:
    """Whether one more was taken within a second."""
    before, begun = len(numbers.sent), time.monotonic()
    wait_until(lambda: len(numbers.sent) > before or time.monotonic() > begun + 1, "a second")
    return len(numbers.sent) > before


def test_a_virtual_host_without_rights_names_them_and_works_once_they_are_granted(
    vhost: Vhost, numbers: Numbers
) -> None:
    vhost.server.add_user("limited", "pw", "/", NONE)
    with watching(vhost.url_for("limited", "pw")) as watched:
        wait_until(lambda: watched.link.state is LinkState.REFUSED, "the refusal", PATIENCE)
        assert f"may not use the virtual host {vhost.name}" in watched.link.error
        vhost.add_user("limited", "pw", Grant("^$", "^$", "^$"))
        watched.supervisor.retry_now()
        wait_until(lambda: "configure" in f"{watched.link.error} {watched.link.hint}", "the right", PATIENCE)
        vhost.add_user("limited", "pw", Grant("^celeryev", "^celeryev", "^celeryev"))
        watched.supervisor.retry_now()
        wait_until(watched.is_live, "it is live", PATIENCE)
        watched.flows(numbers)


def test_a_wrong_password_is_told_as_such_and_nowhere_repeated(vhost: Vhost) -> None:
    with watching(vhost.url_for(password="wr0ng-s3cret")) as watched:
        wait_until(lambda: watched.link.state is LinkState.REFUSED, "the refusal", PATIENCE)
        assert watched.link.error.startswith("Login refused for user guest at 127.0.0.1")
        assert "s3cret" not in repr(watched.link)


@pytest.mark.usefixtures("patience")
def test_a_reader_that_falls_behind_grows_nothing_and_says_so(vhost: Vhost) -> None:
    stream = AmqpStream(Line(address_of(BrokerURL.parse(vhost.url)), "events"))
    with AmqpWire(vhost.url) as wire:
        stream.open()
        body = b'{"type": "task-custom", "uuid": "U", "hostname": "w", "timestamp": 1.0, "pad": "%s"}' % (b"x" * 10_000)

        def is_full() -> bool:
            for _ in range(200):
                wire.publish(body)
            return vhost.waiting(stream.queue) > MOST // 10

        wait_until(is_full, "the broker to hold events for a reader that does not read", 90)
        stood = time.monotonic()
        wait_until(lambda: time.monotonic() > stood + AGE, "the reader to stand", 30)
        assert vhost.waiting(stream.queue) <= MOST
        with pytest.raises(SourceError, match="too slow"):
            stream.read(0.25)
        assert stream.silence() >= AGE
        stream.close()
    wait_until(lambda: vhost.holds() == (0, 0, 0), "nothing of ours", TIDY)
