"""What must a broker's plugin do? One set of tests for all of them, on a real server with real Celery workers.

class TestMyBroker(BrokerConformance):
    @pytest.fixture
    def broker(self, tmp_path):
        with my_server(tmp_path) as server:
            yield MyBroker(server)          # a TestedBroker

Only what the host's contracts promise is asked, through a whole deployment without its screen. Celery sends and works;
nothing here knows one broker from another. docs/write-a-broker.md tells what each of them is for.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.control import Controls, Diagnoses, Finding, Inspects, NodeReply, Peeks
from lazycelery_core.errors import AccessRefused, LazyCeleryError
from lazycelery_core.model import LinkState, Queue, Task, TaskMoment, TaskState
from lazycelery_core.testing.numbered import Numbers, event, numbering
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.tested_broker import TestedBroker
from lazycelery_core.testing.watching import Watched, slack, wait, watching

if TYPE_CHECKING:
    from lazycelery_core.testing.celery_worker import Worker as RunningWorker

PATIENCE = 30.0  # s; no promise, only the end of a test that fails
QUEUE = "conformance"
PICKLE = "cbuiltins\nopen\n(V{}\nVw\ntR."  # opened, it makes a file of that name


class BrokerConformance:
    """Subclass it in the plugin's tests and override `broker`."""

    @pytest.fixture
    def broker(self) -> TestedBroker:
        """A running broker with nothing on it."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """No file of the user is read or written."""
        for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            monkeypatch.setenv(variable, str(tmp_path / "home"))
        return tmp_path / "home"

    @pytest.fixture
    def work(self, broker: TestedBroker, celery_worker_factory: Callable[..., "RunningWorker"]) -> Any:
        """Starts a real worker on the broker; `settings` are added to the broker's own."""

        def start(settings: dict[str, Any] | None = None, **options: Any) -> "RunningWorker":
            together = {**broker.settings, **(settings or {})}
            return celery_worker_factory(url=broker.url, settings=together, **options)

        return start

    @pytest.fixture
    def app(self, broker: TestedBroker) -> Any:
        """An application that sends, with nobody working."""
        from lazycelery_core.testing.celery_app import create_app

        return create_app(broker.url, **broker.settings)

    @pytest.fixture
    def numbers(self, broker: TestedBroker) -> Iterator[Numbers]:
        """Numbered events, 20 a second."""
        with numbering(broker.publish) as numbers:
            yield numbers

    # --- events -------------------------------------------------------------------------------------------------------

    def test_what_workers_tell_of_tasks_is_known(self, broker: TestedBroker, work: Any) -> None:
        with watching(broker.url, config=broker.config) as watched:
            worker = work(name="teller")
            send = worker.app.send_task
            added, failed = send("testing.add", [2, 3]).id, send("testing.fail", ["no stock"]).id
            flaky, rejected = send("testing.flaky", [1]).id, send("testing.rejected").id
            task = told(watched, added)
            assert (task.name, task.worker, task.queue) == ("testing.add", "teller@testing", "celery")
            assert task.state is TaskState.SUCCESS
            assert "no stock" in ended(watched, failed, TaskState.FAILURE).exception
            again = lambda: getattr(of_task(watched, flaky), "retries", 0) == 1  # noqa: E731
            wait_until(again, "its second attempt is known", PATIENCE)
            ended(watched, flaky, TaskState.SUCCESS)
            ended(watched, rejected, TaskState.REJECTED, TaskState.FAILURE)  # Celery 5.7 says both
            kinds = {"task-sent", "task-received", "task-started", "task-succeeded"}
            assert kinds <= {moment.kind for moment in moments(watched, added)}

    def test_workers_come_beat_and_go(self, broker: TestedBroker, work: Any) -> None:
        with watching(broker.url, config=broker.config) as watched:
            running = work(name="mortal", events=False)
            known = wait_until(lambda: of_worker(watched, "mortal"), "its heartbeats are heard", PATIENCE)
            assert known.hostname == "mortal@testing"
            running.stop()
            wait_until(lambda: str(of_worker(watched, "mortal").state) == "offline", "it says goodbye", PATIENCE)

    def test_one_event_and_a_list_of_them_are_read_alike(self, broker: TestedBroker) -> None:
        with watching(broker.url, config=broker.config) as watched:
            broker.publish(event("alone", 1))
            broker.publish(b"[%b,%b]" % (event("first", 2), event("second", 3)))
            for task_id in ("alone", "first", "second"):
                wait_until(partial(of_task, watched, task_id), f"{task_id} is known", PATIENCE)

    def test_a_bad_message_is_counted_and_costs_its_neighbours_nothing(self, broker: TestedBroker) -> None:
        bad = [b"", b"\xff\xfe", b"nothing", b"[[[[", b'{"type": 7}', json.dumps({"type": "task-x"}).encode()]
        with watching(broker.url, config=broker.config) as watched:
            for number, body in enumerate(bad):
                broker.publish(event(f"before-{number}", number))
                broker.publish(body)
            broker.publish(event("last", 99))
            wait_until(lambda: of_task(watched, "last"), "the last good one is known", PATIENCE)
            assert all(of_task(watched, f"before-{number}") for number in range(len(bad)))
            assert sum(watched.events.rejected.values()) >= len(bad) - 1
            assert watched.events.state is LinkState.LIVE
            assert watched.gaps == []

    def test_what_could_run_code_is_never_opened(self, broker: TestedBroker, tmp_path: Path) -> None:
        opened = tmp_path / "opened"
        with watching(broker.url, config=broker.config) as watched:
            broker.publish(PICKLE.format(opened).encode(), "application/x-python-serialize")
            broker.publish(event("after", 1))
            wait_until(lambda: of_task(watched, "after"), "the next one is known", PATIENCE)
            assert watched.events.rejected
        assert not opened.exists()

    # --- queues -------------------------------------------------------------------------------------------------------

    def test_waiting_messages_are_counted_whatever_their_priority(self, broker: TestedBroker, app: Any) -> None:
        with watching(broker.url, config=broker.config) as watched:
            for priority in (broker.last_priority, broker.first_priority, broker.first_priority):
                app.send_task("testing.add", [1, 2], queue=QUEUE, priority=priority)
            queue = counted(watched, lambda queue: queue.ready == 3)
            assert queue.note or queue.unacked == 0
            assert abs(queue.at - time.time()) < PATIENCE

    def test_what_a_worker_holds_is_told_apart_or_said_to_be_unknown(
        self, broker: TestedBroker, work: Any, tmp_path: Path
    ) -> None:
        late = {"task_acks_late": True, "worker_prefetch_multiplier": 1}
        with watching(broker.url, config=broker.config) as watched:
            running = work(settings=late, name="holder", queues=[QUEUE])
            for _ in range(3):
                running.app.send_task("testing.hold", [str(tmp_path / "gate")], queue=QUEUE)
            if broker.counts_held:
                counted(watched, lambda queue: (queue.ready, queue.unacked) == (2, 1))
            else:
                queue = counted(watched, lambda queue: queue.ready == 2)
                assert queue.unacked is None
                assert queue.note
            (tmp_path / "gate").touch()
            counted(watched, lambda queue: queue.ready == 0)

    def test_a_queue_that_is_deleted_is_no_longer_shown(self, broker: TestedBroker, app: Any) -> None:
        with watching(broker.url, config=broker.config) as watched:
            app.send_task("testing.add", [1, 2], queue=QUEUE)
            counted(watched, lambda queue: queue.ready == 1)
            broker.delete(QUEUE)
            wait_until(lambda: of_queue(watched) is None, "it is gone", PATIENCE)

    # --- waiting messages ---------------------------------------------------------------------------------------------

    def test_messages_are_peeked_in_the_order_of_their_delivery(
        self, broker: TestedBroker, app: Any, work: Any
    ) -> None:
        priorities = [broker.last_priority, broker.first_priority, broker.last_priority]
        with watching(broker.url, allow=("peek",), config=broker.config) as watched:
            sent = [app.send_task("testing.add", [n, 0], queue=QUEUE, priority=p).id for n, p in enumerate(priorities)]
            counted(watched, lambda queue: queue.ready == 3)
            peeks = watched.deployment.control.get(Peeks)
            assert peeks is not None
            assert (peeks.price(QUEUE) is None) == broker.free_looks
            found = peeks.peek(QUEUE, 0, 10)
            assert [message.task_id for message in found.messages] == [sent[1], sent[0], sent[2]]
            assert [message.position for message in found.messages] == [0, 1, 2]
            assert found.messages[0].args == "(1, 0)"
            assert peeks.peek(QUEUE, 1, 1).messages[0].task_id == sent[0]
            counted(watched, lambda queue: queue.ready == 3)
            work(name="eater", queues=[QUEUE])
            for task_id in sent:
                told(watched, task_id)
                assert [moment.kind for moment in moments(watched, task_id)].count("task-started") == 1

    # --- workers ------------------------------------------------------------------------------------------------------

    def test_workers_answer_what_they_are_asked(self, broker: TestedBroker, work: Any) -> None:
        work(name="one")
        work(name="two")
        with watching(broker.url, config=broker.config) as watched:
            inspects = watched.deployment.control.get(Inspects)
            assert inspects is not None
            both = lambda: len(answers(inspects, "ping")) == 2  # noqa: E731
            wait_until(both, "both answer", PATIENCE)
            only = inspects.inspect("stats", destination=["two@testing"], timeout=5.0)
            (node,) = only.nodes
            assert (node.hostname, node.error) == ("two@testing", "")
            assert node.value["pool"]
            assert node.latency is not None
            with pytest.raises(ValueError, match="shutdown"):
                inspects.inspect("shutdown")

    def test_abilities_exist_only_as_far_as_the_level_allows(self, broker: TestedBroker) -> None:
        with watching(broker.url, passive=True, config=broker.config) as watched:
            assert watched.deployment.control.get(Inspects) is None
            assert watched.deployment.control.get(Controls) is None
        with watching(broker.url, config=broker.config) as watched:
            assert watched.deployment.control.get(Inspects) is not None
            assert watched.deployment.control.get(Controls) is None
        with watching(broker.url, allow=("events",), config=broker.config) as watched:
            assert watched.deployment.control.get(Controls) is not None

    def test_a_granted_command_has_its_effect(self, broker: TestedBroker, work: Any) -> None:
        running = work(name="quiet", events=False)
        with watching(broker.url, allow=("events",), config=broker.config) as watched:
            controls = watched.deployment.control.get(Controls)
            assert controls is not None
            replies = controls.control("enable_events", destination=["quiet@testing"], timeout=5.0)
            assert [(node.hostname, node.error) for node in replies.nodes] == [("quiet@testing", "")]
            sent = running.app.send_task("testing.add", [1, 1]).id
            assert told(watched, sent).state is TaskState.SUCCESS

    def test_a_dead_broker_costs_a_question_its_limit_and_no_more(self, broker: TestedBroker, work: Any) -> None:
        work(name="unreachable")
        with watching(broker.url, config=broker.config) as watched:
            inspects = watched.deployment.control.get(Inspects)
            assert inspects is not None
            broker.freeze()
            try:
                begun = time.monotonic()
                with pytest.raises(LazyCeleryError):
                    inspects.inspect("ping", timeout=1.0)
                assert time.monotonic() - begun <= 1.5 * slack()
            finally:
                broker.thaw()

    # --- faults -------------------------------------------------------------------------------------------------------

    def test_a_broker_that_dies_and_returns(self, broker: TestedBroker, numbers: Numbers) -> None:
        with watching(broker.url, numbers, config=broker.config) as watched:
            begun = time.time()
            broker.kill()
            assert watched.notices(3.0).error
            wait(2.0)
            broker.start()
            watched.lost_only_in(watched.comes_back(), begun, time.time())

    def test_a_broker_that_freezes_and_wakes(self, broker: TestedBroker, numbers: Numbers) -> None:
        with watching(broker.url, numbers, config=broker.config) as watched:
            begun = time.time()
            broker.freeze()
            try:
                watched.notices(3.0)
                wait(2.0)
            finally:
                broker.thaw()
            watched.lost_only_in(watched.comes_back(), begun, time.time())

    def test_a_connection_that_is_closed_comes_back(self, broker: TestedBroker, numbers: Numbers) -> None:
        with watching(broker.url, numbers, config=broker.config) as watched:
            begun = time.time()
            broker.cut()
            watched.lost_only_in(watched.comes_back(3.0), begun, time.time())

    # --- rights -------------------------------------------------------------------------------------------------------

    def test_without_the_right_to_hear_events_the_rest_works_and_the_right_is_named(
        self, broker: TestedBroker, app: Any
    ) -> None:
        app.send_task("testing.add", [1, 2], queue=QUEUE)
        with watching(broker.url_without("events"), live=False, queues=(QUEUE,), config=broker.config) as watched:
            wait_until(lambda: watched.events.state is LinkState.REFUSED, "the refusal is told", PATIENCE)
            assert watched.events.error
            assert watched.events.hint
            counted(watched, lambda queue: queue.ready == 1)

    def test_without_the_right_to_ask_workers_events_are_heard_and_the_right_is_named(
        self, broker: TestedBroker, work: Any
    ) -> None:
        work(name="silent")
        with watching(broker.url_without("workers"), config=broker.config) as watched:
            inspects = watched.deployment.control.get(Inspects)
            assert inspects is not None
            with pytest.raises(AccessRefused) as refused:
                inspects.inspect("ping")
            assert refused.value.right
            broker.publish(event("heard", 1))
            wait_until(lambda: of_task(watched, "heard"), "events are heard", PATIENCE)

    def test_what_works_and_what_does_not_is_diagnosed(self, broker: TestedBroker, work: Any) -> None:
        work(name="heard")
        assert [each for each in diagnosed(broker.url, broker.config) if each.right] == []
        (refused,) = [each for each in diagnosed(broker.url_without("workers"), broker.config) if each.right]
        assert not refused.ok

    # --- harm ---------------------------------------------------------------------------------------------------------

    def test_looking_leaves_the_broker_as_it_was(self, broker: TestedBroker, app: Any, work: Any) -> None:
        work(name="watched")
        app.send_task("testing.add", [1, 2], queue=QUEUE)
        before = wait_until(lambda: settled(broker), "the worker has made its queues", PATIENCE)
        with watching(broker.url, queues=(QUEUE,), config=broker.config) as watched:
            inspects = watched.deployment.control.get(Inspects)
            assert inspects is not None
            wait_until(lambda: answers(inspects, "stats"), "the worker has answered", PATIENCE)
            counted(watched, lambda queue: queue.ready == 1)
        deadline = time.monotonic() + PATIENCE
        while broker.left_behind() != before and time.monotonic() < deadline:
            wait(0.2)
        assert broker.left_behind() == before


def of_task(watched: Watched, task_id: str) -> Task | None:
    """The task, once it is known."""
    return watched.deployment.store.tasks().get(task_id)


def told(watched: Watched, task_id: str) -> Task:
    """The task, once all that events tell of it is known: a published result may come before them."""

    def there() -> Task | None:
        task = of_task(watched, task_id)
        whole = task is not None and None not in (task.sent, task.received, task.started, task.runtime)
        return task if whole else None

    return wait_until(there, f"all of {task_id} is known", PATIENCE)


def ended(watched: Watched, task_id: str, *states: TaskState) -> Task:
    """The task, once it is in one of these states."""

    def there() -> Task | None:
        task = of_task(watched, task_id)
        return task if task is not None and task.state in states else None

    return wait_until(there, f"{task_id} is {states[0].name}", PATIENCE)


def moments(watched: Watched, task_id: str) -> Sequence[TaskMoment]:
    """What was reported about a task."""
    story = watched.deployment.store.tasks().story(task_id)
    assert story is not None
    return story.moments


def of_worker(watched: Watched, name: str) -> Any:
    """The worker, once it is known."""
    return watched.deployment.snapshot(time.time()).worker(f"{name}@testing")


def answers(inspects: Inspects, command: str) -> Sequence[NodeReply]:
    """Who answers a question; nobody while it can't be asked, since others ask."""
    try:
        return inspects.inspect(command).nodes
    except LazyCeleryError:
        return ()


def of_queue(watched: Watched, name: str = QUEUE) -> Queue | None:
    """The queue, once it is known."""
    return watched.deployment.snapshot(time.time()).queue(name)


def counted(watched: Watched, right: Callable[[Queue], bool]) -> Queue:
    """The queue, once it is counted so."""

    def there() -> Queue | None:
        queue = of_queue(watched)
        return queue if queue is not None and right(queue) else None

    try:
        return wait_until(there, "the queue is counted", PATIENCE)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {of_queue(watched)}") from None


def diagnosed(url: str, config: str) -> list[Finding]:
    """What the broker's plugin finds when it tries everything."""
    with watching(url, config=config) as watched:
        diagnoses = watched.deployment.control.get(Diagnoses)
        assert diagnoses is not None
        return list(diagnoses.diagnose())


def settled(broker: TestedBroker) -> Any:
    """What is at the broker, once it stays the same for a second."""
    before = broker.left_behind()
    wait(1.0)
    return before if broker.left_behind() == before else None
