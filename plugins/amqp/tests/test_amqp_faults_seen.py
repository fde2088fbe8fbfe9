"""Does somebody who watches RabbitMQ see within three seconds what has happened to it, and its return within two?

The whole program but its screen. Killed, frozen and closed on us are in the suite for brokers; here is what else
happens. Before and after are counted: nothing of ours stays at the broker.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import pytest

from lazycelery_core.control import Inspects
from lazycelery_core.errors import SourceError
from lazycelery_core.model import Link, LinkState
from lazycelery_core.testing.amqp_wire import AmqpWire, numbers_over
from lazycelery_core.testing.numbered import Numbers
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.proxy import proxy_of
from lazycelery_core.testing.rabbitmq import NONE, Rabbit, Vhost, start_rabbitmq
from lazycelery_core.testing.watching import Watched, slack, wait, watching

pytestmark = pytest.mark.slow
SEEN = 3.0  # s from a fault to the screen
PATIENCE = 30.0  # s; no promise, only the end of a test that fails
TIDY = 60.0  # s; a broker sees a half-open line as dead after two heartbeats
OURS = "celeryev.lazycelery."
REAL_PACE = "collect_statistics_interval = 5000"  # ms; as it is where nobody set it


@pytest.fixture(scope="module")
def server(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """A server that may be hurt; each test leaves it running."""
    with start_rabbitmq(tmp_path_factory.mktemp("seen"), management=True, conf=[REAL_PACE]) as server:
        yield server


@pytest.fixture
def vhost(server: Rabbit) -> Iterator[Vhost]:
    """Empty, with the exchange of events."""
    with server.vhost() as vhost:
        with AmqpWire(vhost.url):
            pass
        yield vhost


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the user is read or written."""
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@contextmanager
def numbered(vhost: Vhost, url: str = "") -> Iterator[tuple[Watched, Numbers]]:
    """Watched while numbered events are sent; at the end nothing is left at the broker."""
    before = tidy(vhost)
    with numbers_over(vhost.url) as numbers, watching(url or vhost.url, numbers) as watched:
        yield watched, numbers
    wait_until(lambda: vhost.holds() == before, "nothing of ours", TIDY)


def tidy(vhost: Vhost) -> tuple[int, int, int]:
    wait_until(lambda: vhost.holds() == (0, 0, 0), "an empty virtual host", TIDY)
    return vhost.holds()


def within(seconds: float, condition: Callable[[], Any], what: str) -> None:
    """Wait for it; a quiet machine has that many seconds, a busy one more."""
    begun, allowed = time.monotonic(), seconds * slack()
    wait_until(condition, what, PATIENCE)
    assert time.monotonic() - begun <= max(allowed, seconds * slack())


def link(watched: Watched, source: str) -> Link:
    return next(each for each in watched.deployment.links() if each.source == source)


# --- the server -------------------------------------------------------------------------------------------------------


def test_a_broker_that_is_stopped_says_so_and_comes_back(vhost: Vhost) -> None:
    with numbered(vhost) as (watched, _):
        vhost.server.stop()
        assert watched.notices(SEEN).error
        vhost.server.start()
        watched.comes_back()
        watched.flows()
        watched.lost_in(watched.gaps)


def test_a_broker_that_is_restarted_at_once_is_live_again_as_soon_as_it_is(vhost: Vhost) -> None:
    with numbered(vhost) as (watched, _):
        vhost.server.kill()
        vhost.server.start()
        watched.comes_back()
        watched.flows()
        watched.lost_in(watched.gaps)


# --- the line ---------------------------------------------------------------------------------------------------------


def test_a_half_open_line_is_seen_and_left(vhost: Vhost) -> None:
    with proxy_of(vhost.server.port) as proxy, numbered(vhost, f"{vhost.url_for(port=proxy.port)}?heartbeat=2") as both:
        watched, _ = both
        begun = time.time()
        proxy.hole = True
        assert "No answer from" in watched.notices(SEEN).error
        wait(1.0)
        proxy.hole = False
        watched.lost_only_in(watched.comes_back(), begun, time.time())


# --- what the broker refuses ------------------------------------------------------------------------------------------


def test_a_queue_of_ours_that_is_deleted_is_made_anew(vhost: Vhost) -> None:
    with numbered(vhost) as (watched, _):
        begun = time.time()
        vhost.delete_queue(ours(vhost))
        gap = watched.comes_back(SEEN)
        assert "ended our subscription" in gap.cause or "no queue" in gap.cause
        watched.lost_only_in(gap, begun, time.time())


def ours(vhost: Vhost) -> str:
    return next(name for name in vhost.queues() if name.startswith(OURS))


def test_an_exchange_that_is_not_there_any_more_is_named_and_heard_when_it_returns(vhost: Vhost) -> None:
    before = tidy(vhost)
    with watching(vhost.url) as watched:
        change(vhost, lambda channel: channel.exchange_delete("celeryev"))
        within(SEEN, lambda: "no exchange celeryev" in f"{watched.events.error} {watched.events.notice}", "the 404")
        change(vhost, lambda channel: channel.exchange_declare("celeryev", "topic", durable=True, auto_delete=False))
        within(2.0, lambda: watched.events.state is LinkState.LIVE and not watched.events.notice, "that it hears")
        with AmqpWire(vhost.url) as wire:
            wire.event(type="task-received", uuid="again", hostname="w@a")
            wait_until(lambda: watched.deployment.store.tasks().get("again"), "the next event", PATIENCE)
    wait_until(lambda: vhost.holds() == before, "nothing of ours", TIDY)


def change(vhost: Vhost, what: Callable[[Any], object]) -> None:
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name)
    connection.connect()
    what(connection.channel())
    connection.close()


def test_a_broker_that_takes_no_more_queues_is_quoted_and_tried_again(vhost: Vhost) -> None:
    with numbered(vhost) as (watched, _):
        vhost.server.ctl("set_vhost_limits", "-p", vhost.name, '{"max-queues": 0}')
        vhost.delete_queue(ours(vhost))
        within(SEEN, lambda: "limit" in watched.events.error, "the 406")
        assert watched.events.state is LinkState.RETRYING
        vhost.server.ctl("clear_vhost_limits", "-p", vhost.name)
        watched.comes_back()
        watched.flows()


def test_a_virtual_host_without_rights_is_named_and_used_once_they_are_there(vhost: Vhost) -> None:
    before = tidy(vhost)
    vhost.server.add_user("nobody", "pw", "/", NONE)
    with watching(vhost.url_for("nobody", "pw"), live=False) as watched:
        within(SEEN, lambda: watched.events.state is LinkState.REFUSED, "the refusal")
        assert f"may not use the virtual host {vhost.name}" in watched.events.error
        vhost.add_user("nobody", "pw")
        watched.deployment.refresh()
        within(2.0, lambda: watched.events.state is LinkState.LIVE, "it is live")
    wait_until(lambda: vhost.holds() == before, "nothing of ours", TIDY)


def test_a_wrong_password_is_named_and_the_right_one_taken(vhost: Vhost) -> None:
    before = tidy(vhost)
    vhost.add_user("turned", "0ld-s3cret")
    with watching(vhost.url_for("turned", "n3w-s3cret"), live=False) as watched:
        within(SEEN, lambda: watched.events.state is LinkState.REFUSED, "the refusal")
        assert "Login refused for user turned" in watched.events.error
        assert "s3cret" not in repr(watched.deployment.links())
        user, password, by = '<<"turned">>', '<<"n3w-s3cret">>', '<<"testing">>'
        vhost.server.call(f"rabbit_auth_backend_internal:change_password({user}, {password}, {by})")
        watched.deployment.refresh()
        within(2.0, lambda: watched.events.state is LinkState.LIVE, "it is live")
    wait_until(lambda: vhost.holds() == before, "nothing of ours", TIDY)


# --- an alarm ---------------------------------------------------------------------------------------------------------


@contextmanager
def alarm(server: Rabbit) -> Iterator[None]:
    server.alarm(True)
    try:
        yield
    finally:
        server.alarm(False)


def told(watched: Watched, name: str) -> bool:
    """Whether everything is known of a queue."""
    queue = watched.deployment.snapshot(time.time()).queue(name)
    return queue is not None and not queue.note


def answers(watched: Watched) -> bool:
    """Whether workers answer; not while others ask."""
    inspects = watched.deployment.control.get(Inspects)
    assert inspects is not None
    try:
        return bool(inspects.inspect("ping").nodes)
    except SourceError:
        return False


def stopped(watched: Watched) -> bool:
    """Ask; whether an alarm is told."""
    return not answers(watched) and "publishers are blocked" in link(watched, "queues").notice


def noted(watched: Watched) -> str:
    """What stands under the queues."""
    return " ".join(queue.note for queue in watched.deployment.snapshot(time.time()).queues)


def test_an_alarm_is_told_by_the_management_plugin_whatever_its_pace(vhost: Vhost) -> None:
    before = tidy(vhost)
    change(vhost, lambda channel: channel.queue_declare("mail", durable=True, auto_delete=False))
    config = f'[plugins.amqp]\nmanagement_url = "{vhost.server.management_url}"\n'
    with watching(vhost.url, passive=True, queues=("mail",), config=config) as watched:
        wait_until(lambda: told(watched, "mail"), "the management plugin has told", PATIENCE)
        with alarm(vhost.server):
            within(SEEN, lambda: "Memory alarm on" in link(watched, "queues").notice, "the alarm")
            wait_until(lambda: "publishers are blocked" in noted(watched), "it stands under the queue", PATIENCE)
            assert watched.events.state is LinkState.LIVE
        within(SEEN, lambda: not link(watched, "queues").notice and not noted(watched), "its end")
    vhost.delete_queue("mail")
    wait_until(lambda: vhost.holds() == before, "nothing of ours", TIDY)


def test_without_the_management_plugin_an_alarm_is_told_to_those_who_ask_workers(
    vhost: Vhost, celery_worker_factory: Any
) -> None:
    celery_worker_factory(url=vhost.url, settings={"result_backend": "rpc://"}, name="asked")
    with watching(vhost.url, config="[plugins.amqp]\nmanagement = false\n") as watched:
        wait_until(lambda: answers(watched), "the worker is asked", PATIENCE)
        with alarm(vhost.server):
            wait_until(lambda: stopped(watched), "the alarm", PATIENCE)  # by the first question of ours that it stops
            assert watched.events.state is LinkState.LIVE
        within(SEEN, lambda: not link(watched, "queues").notice, "its end")
