"""What becomes of RabbitMQ and of the picture while this program is stopped (Ctrl+Z, a debugger, a sleeping laptop)?"""

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from lazycelery_core.testing.amqp_wire import AmqpWire, numbers_over
from lazycelery_core.testing.numbered import Numbers
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import Vhost
from lazycelery_core.testing.terminal import Terminal
from lazycelery_plugin_amqp.stream import AGE, MOST

pytestmark = pytest.mark.slow
BODY = b'{"type": "task-custom", "uuid": "U", "hostname": "w", "timestamp": 1.0, "pad": "%s"}' % (b"x" * 10_000)


@pytest.fixture
def numbers(rabbitmq_vhost: Vhost) -> Iterator[Numbers]:
    with numbers_over(rabbitmq_vhost.url) as numbers:
        wait_until(lambda: numbers.sent, "the exchange of events", 30)
        yield numbers


def own_queue(vhost: Vhost) -> str:
    return next((name for name in vhost.queues() if name.startswith("celeryev.lazycelery.")), "")


def test_nothing_grows_at_the_broker_while_the_program_is_stopped_and_the_gap_is_shown_afterwards(
    rabbitmq_vhost: Vhost, numbers: Numbers
) -> None:
    command = [sys.executable, "-m", "lazycelery_core", "--broker", rabbitmq_vhost.url, "--without", "demo"]
    with Terminal(command) as terminal, AmqpWire(rabbitmq_vhost.url) as wire:
        terminal.wait_for(lambda text: "ev 0/s" not in text and " ev " in text, 60)
        terminal.type("H")
        terminal.wait_for("Sources", 30)
        queue = wait_until(lambda: own_queue(rabbitmq_vhost), "the queue of events", 30)
        terminal.signal(signal.SIGSTOP)
        begun = time.monotonic()

        def is_held_back() -> bool:
            for _ in range(200):
                wire.publish(BODY)
            return rabbitmq_vhost.waiting(queue) > MOST // 10

        wait_until(is_held_back, "events that nobody reads", 90)
        assert rabbitmq_vhost.waiting(queue) <= MOST
        numbers.end()
        wait_until(lambda: time.monotonic() > begun + AGE, "the stop to last", 30)
        wait_until(lambda: rabbitmq_vhost.waiting(queue) == 0, "the broker to drop what nobody reads", 60)
        terminal.signal(signal.SIGCONT)
        terminal.wait_for(lambda text: "this screen stood" in text, 60)
        wait_until(lambda: own_queue(rabbitmq_vhost), "a queue to go on with", 30)
        terminal.type("q")
        assert terminal.wait() == 0
    wait_until(lambda: not own_queue(rabbitmq_vhost), "nothing of ours at the broker", 60)
