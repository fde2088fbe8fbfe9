"""What happens when brokers die, freeze, hang, come back, refuse, or when this program stands still?

Each fault is put between a real server and the whole of the program but its screen. Measured against what is promised:
it is named within seconds, live again soon after, no event is lost outside a declared gap, the gap's bounds are right.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from lazycelery_core.control import Inspects
from lazycelery_core.errors import LazyCeleryError
from lazycelery_core.model import Gap, Link, LinkState, Task, TaskState
from lazycelery_core.testing.kit import draw
from lazycelery_core.testing.numbered import Numbers, numbers_to
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.proxy import Proxy, proxy_of
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.watching import ARRIVAL, BOUNDS, Watched, slack, wait, watching

if TYPE_CHECKING:
    from lazycelery_core.testing.celery_worker import Worker

pytestmark = pytest.mark.slow
StartServer = Callable[..., Server]
StartWorker = Callable[..., "Worker"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def server(valkey_factory: StartServer) -> Server:
    return valkey_factory()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxy_of(server) as proxy:
        yield proxy


@pytest.fixture
def numbers(server: Server) -> Iterator[Numbers]:
    with numbers_to(server) as numbers:
        yield numbers


@pytest.fixture
def watched(proxy: Proxy, numbers: Numbers) -> Iterator[Watched]:
    """The program behind a proxy, with numbered events arriving."""
    with watching(proxy.url(), numbers) as watched:
        yield watched


# --- the broker -------------------------------------------------------------------------------------------------------


def test_a_broker_that_is_killed_and_started_again(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server, numbers_to(server) as numbers, watching(server.url, numbers) as watched:
        begun = time.time()
        server.process.kill()
        link = watched.notices(1.0)
        assert "closed the connection" in link.gaps[-1].cause
        assert link.gaps[-1].end is None
        wait(3.0)
        with start_valkey(tmp_path):
            ended = time.time()
            gap = watched.comes_back()
            assert "closed the connection" in gap.cause
            watched.lost_only_in(gap, begun, ended)


def test_a_broker_that_freezes_and_wakes(server: Server, watched: Watched) -> None:
    begun = time.time()
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        link = watched.notices(2.0)
        assert link.error.startswith("No answer from")
        wait(2.0)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    watched.lost_only_in(watched.comes_back(), begun, time.time())


def test_a_subscriber_that_is_kicked(server: Server, watched: Watched) -> None:
    begun = time.time()
    with server.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    gap = watched.comes_back(1.0)
    watched.lost_only_in(gap, begun, begun)
    assert gap.end is not None
    assert gap.end - gap.start <= 1.0 * slack()


def test_a_subscriber_that_was_too_slow_is_told_so(valkey_factory: StartServer) -> None:
    server = valkey_factory(args=["client-output-buffer-limit pubsub 256kb 256kb 1"])
    with watching(server.url) as watched, server.client() as client:
        gap = wait_until(lambda: _flooded(watched, client), "the flood to be too much", 60)
    assert gap.cause.startswith("this screen was too slow")


def _flooded(watched: Watched, client: Any) -> Gap | None:
    with client.pipeline(transaction=False) as pipe:
        for _ in range(200):
            pipe.publish("/0.celeryev/task.custom", b"x" * 100_000)
        pipe.execute()
    return watched.gaps[-1] if watched.gaps else None


def test_a_broker_that_is_full_still_shows_events_and_says_why_nobody_is_asked(valkey_factory: StartServer) -> None:
    server = valkey_factory(args=["maxmemory 8mb", "maxmemory-policy noeviction"])
    with numbers_to(server) as numbers, server.client() as client, watching(server.url, numbers) as watched:

        def told() -> bool:
            for size in (100_000, 1_000, 10):
                fill(client, size)
            return "full" in asking(watched).error

        wait_until(told, "the refusal is told", 5 * slack() + 5)
        watched.flows()
        assert watched.events.state is LinkState.LIVE
        assert watched.events.gaps == ()


def fill(client: Any, size: int) -> None:
    """Values of that size until no other is taken; buffers come and go, so there is soon room again."""
    with suppress(redis.ResponseError):
        while True:
            client.rpush("full", b"x" * size)


def asking(watched: Watched) -> Link:
    return next(link for link in watched.deployment.links() if link.plugin == "cluster")


# --- the line ---------------------------------------------------------------------------------------------------------


def test_a_line_that_swallows_everything(proxy: Proxy, watched: Watched) -> None:
    begun = time.time()
    proxy.hole = True
    link = watched.notices(3.0)
    assert link.error.startswith("No answer from 127.0.0.1")
    wait(2.0)
    proxy.hole = False
    lost = watched.lost_only_in(watched.comes_back(), begun, time.time())
    assert lost > 20  # the fault was one


def test_a_line_that_is_reset(proxy: Proxy, watched: Watched) -> None:
    begun = time.time()
    proxy.reset()
    gap = wait_until(lambda: watched.gaps[-1] if watched.gaps else None, "the gap is declared", 60)
    watched.lost_only_in(gap, begun, begun)
    assert gap.end is not None
    assert gap.end - gap.start <= 1.0 * slack()


def test_a_line_that_is_reset_again_and_again_loses_nothing_outside_its_gaps(proxy: Proxy, watched: Watched) -> None:
    for number in range(1, 5):
        proxy.reset()
        wait_until(partial(_gaps, watched, number), "the gap is declared", 60)
        watched.flows()
    wait(ARRIVAL)
    watched.lost_in(watched.gaps)


def _gaps(watched: Watched, number: int) -> bool:
    return len(watched.gaps) >= number


def test_a_slow_line_only_adds_to_the_lag(proxy: Proxy, numbers: Numbers) -> None:
    proxy.delay = 0.15
    with watching(proxy.url(), numbers) as watched:
        wait_until(lambda: (watched.events.lag or 0.0) > 0.1, "the lag is told", 60)
        wait(3.0)
        assert watched.events.gaps == ()
        assert watched.lost_in([]) == 0


def test_a_line_that_drips_is_no_dead_one(proxy: Proxy, numbers: Numbers) -> None:
    proxy.trickle = 40_000
    with watching(proxy.url(), numbers) as watched:
        wait(4.0)
        watched.flows()
        assert watched.events.gaps == ()
        assert watched.events.state in (LinkState.LIVE, LinkState.SLOW)


# --- what was missed, and what is repaired ----------------------------------------------------------------------------


def counted_before(watched: Watched) -> bool:
    """Whether the worker's tasks are counted up to now."""
    starts = watched.deployment.store._merge.starts
    watched.deployment.links()
    return bool(starts._settled) and not starts._fresh


def task(watched: Watched, task_id: str) -> Task | None:
    return watched.deployment.store.tasks().get(task_id)


def state(watched: Watched, task_id: str) -> TaskState | None:
    found = task(watched, task_id)
    return None if found is None else found.state


def begun(watched: Watched, task_id: str) -> bool:
    """Whether the event of its start was heard: workers send events in groups, results come by another way."""
    story = watched.deployment.store.tasks().story(task_id)
    return story is not None and any(moment.kind == "task-started" for moment in story.moments)


class Tasks:
    """Sends tasks and waits for their stored results, holding on to nothing of Celery's."""

    def __init__(self, server: Server, worker: "Worker") -> None:
        self._server, self._app = server, worker.app

    def send(self, name: str, *args: Any) -> str:
        return str(self._app.send_task(f"testing.{name}", list(args)).id)

    def run(self, name: str, times: int) -> dict[str, str]:
        """Send as many, and wait until all are done; id -> name."""
        ids = [self.send(name, number, number) for number in range(times)]
        for task_id in ids:
            self.wait_for(task_id)
        return dict.fromkeys(ids, f"testing.{name}")

    def wait_for(self, task_id: str) -> None:
        with self._server.client() as client:
            wait_until(lambda: client.exists(f"celery-task-meta-{task_id}"), "the task to be done", 60)


def test_tasks_missed_in_a_gap_are_counted_exactly_and_states_are_repaired(
    server: Server, proxy: Proxy, celery_worker_factory: StartWorker, tmp_path: Path
) -> None:
    tasks = Tasks(server, celery_worker_factory(url=server.url, name="w1@web", concurrency=4))
    known_gate, still_gate = tmp_path / "known", tmp_path / "still"
    known = tasks.send("hold", str(known_gate))
    with watching(proxy.url()) as watched:
        heard = tasks.send("add", 1, 1)
        wait_until(lambda: begun(watched, heard), "events are heard", 60)
        wait_until(lambda: state(watched, known) is TaskState.STARTED, "inspect told of the task that ran", 60)
        wait_until(lambda: counted_before(watched), "the worker's tasks are counted", 60)
        proxy.hole = True
        watched.notices(3.0)
        ran = tasks.run("add", 7) | tasks.run("echo", 3)
        known_gate.touch()
        tasks.wait_for(known)
        still = tasks.send("hold", str(still_gate))
        ran[still] = "testing.hold"
        wait_until(lambda: still in running(server), "the task runs", 60)
        proxy.hole = False
        watched.comes_back()
        wait_until(lambda: state(watched, known) is TaskState.SUCCESS, "its end was looked up", 60)
        wait_until(lambda: state(watched, still) is TaskState.STARTED, "inspect told what runs now", 60)
        gap = wait_until(lambda: watched.gaps[-1] if watched.gaps[-1].missed is not None else None, "the count", 60)
        lost = Counter(name for task_id, name in ran.items() if not begun(watched, task_id))
        assert lost["testing.add"] > 3  # the fault was one
        assert (gap.missed, gap.note) == (lost, "")
        after = tasks.send("add", 2, 2)
        wait_until(lambda: state(watched, after) is TaskState.SUCCESS, "events are heard again", 60)
        still_gate.touch()


def running(server: Server) -> str:
    """What workers say they run, asked on a line of its own."""
    with watching(server.url) as other:
        inspects = other.deployment.control.get(Inspects)
        assert inspects is not None
        return str([node.value for node in inspects.inspect("active", timeout=2.0).nodes])


def test_in_passive_mode_the_number_is_said_to_be_unknown(proxy: Proxy, server: Server) -> None:
    with numbers_to(server) as numbers, watching(proxy.url(), numbers, passive=True) as watched:
        proxy.reset()
        gap = wait_until(lambda: watched.gaps[-1] if watched.gaps else None, "the gap is declared", 60)
        assert (gap.missed, gap.note) == (None, "unknown: workers are not asked")


# --- questions to a broker that is not there --------------------------------------------------------------------------


@pytest.fixture
def inspects(watched: Watched) -> Inspects:
    found = watched.deployment.control.get(Inspects)
    assert found is not None
    return found


def asked(inspects: Inspects) -> float:
    """Seconds until a question with a limit of one second ends; it has to end in an error or in silence."""
    begun = time.monotonic()
    with suppress(LazyCeleryError):
        inspects.inspect("ping", timeout=1.0)
    return time.monotonic() - begun


def test_a_question_to_a_frozen_broker_ends_in_time(server: Server, inspects: Inspects) -> None:
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        assert max(asked(inspects) for _ in range(3)) <= 1.5 * slack()
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_a_question_into_a_hole_ends_in_time(proxy: Proxy, inspects: Inspects) -> None:
    proxy.hole = True
    assert max(asked(inspects) for _ in range(3)) <= 1.5 * slack()


def test_a_question_to_a_dead_broker_ends_in_time(server: Server, inspects: Inspects) -> None:
    server.process.kill()
    assert max(asked(inspects) for _ in range(3)) <= 1.5 * slack()


# --- rights and databases ---------------------------------------------------------------------------------------------


def test_a_right_that_is_taken_away_while_we_listen_is_named_and_missed_until_it_is_back(
    valkey_factory: StartServer,
) -> None:
    server = valkey_factory(users=["ops on >pw ~* &* +@all"])
    url = server.socket_url(user="ops", password="pw")
    with numbers_to(server) as numbers, server.client() as admin, watching(url, numbers) as watched:
        begun = time.time()
        admin.execute_command("ACL", "SETUSER", "ops", "resetchannels", "&celery-task-meta-*")
        watched.notices(2.0)
        wait_until(lambda: watched.events.state is LinkState.REFUSED, "the refusal is told", 60)
        assert "&/0.celeryev/*" in f"{watched.events.error} {watched.events.hint}"
        wait(1.0)
        admin.execute_command("ACL", "SETUSER", "ops", "allchannels")
        ended = time.time()
        watched.deployment.refresh()
        watched.lost_only_in(watched.comes_back(), begun, ended)


def test_a_login_that_is_refused_at_run_time_is_told(valkey_factory: StartServer) -> None:
    server = valkey_factory(users=["ops on >pw ~* &* +@all"])
    with watching(server.socket_url(user="ops", password="pw")) as watched, server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "ops", "resetpass", ">other")
        admin.execute_command("CLIENT", "KILL", "USER", "ops")
        wait_until(lambda: watched.events.state is LinkState.REFUSED, "the refusal is told", 2 * slack() + 5)
        assert watched.events.error.startswith("Login refused for user ops")


def test_the_wrong_database_is_suspected_in_words(server: Server, celery_worker_factory: StartWorker) -> None:
    celery_worker_factory(url=server.url)
    with watching(server.socket_url(db=5)) as watched:
        (workers,) = [pane for pane in watched.watch.plugins.panes if pane.id == "workers.list"]
        wait_until(
            lambda: "Same database" in draw(workers, watched.deployment.snapshot(time.time())), "it is suspected", 10
        )


# --- this program -----------------------------------------------------------------------------------------------------


def test_a_program_that_was_stopped_says_so(server: Server, numbers: Numbers) -> None:
    with Terminal([sys.executable, "-m", "lazycelery_core", "--broker", server.url, "--without", "demo"]) as terminal:
        terminal.wait_for(lambda text: "ev 0/s" not in text and " ev " in text, 60)
        terminal.type("H")
        terminal.wait_for("Sources")
        terminal.signal(signal.SIGSTOP)
        wait(5.0)
        terminal.signal(signal.SIGCONT)
        text = terminal.wait_for(lambda text: "this screen stood" in text and " gap" in text.splitlines()[-2], 60)
        row = next(line for line in text.splitlines() if "this screen stood" in line)
        lasted = next(float(word[:-1]) for word in row.split() if word.endswith("s") and word[0].isdigit())
        assert abs(lasted - 5.0) <= (BOUNDS + 0.5) * slack()
        terminal.type("q")
        assert terminal.wait() == 0
