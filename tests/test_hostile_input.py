"""Does anything that comes over the wire stop the program, grow it, or hide what comes next?

Every case of events, envelopes, results and streams, on a real server into the real program in a real terminal: after
each one a good event has to be on the screen within a moment. What the cases have to come to is read from a second
watcher of the same server, because a screen shows no exact numbers. The cases are those of the tests of the decoder
(lazycelery_core/tests/data) and of the envelope (plugins/redis/tests/data), which test each verdict alone.
"""

import base64
import bz2
import json
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from lazycelery_core.config import loads
from lazycelery_core.launcher import Launcher, Options, Watch
from lazycelery_core.model import WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.watching import slack
from lazycelery_core.testing.wire import EVENTS as CHANNEL
from lazycelery_core.testing.wire import Wire, answering, enveloped

ROOT = Path(__file__).resolve().parents[1]
MIB = 1 << 20
BOMB_GROWTH = 64 * MIB
GIANT = 50_000_000  # bytes
BEHIND = 4 * MIB  # of events that a watcher has not read; at 8 MiB the server soon drops it


def cases(path: str) -> list[dict[str, Any]]:
    """The cases of a file, those that need a test of their own left out."""
    found = map(json.loads, (ROOT / path).read_text("utf-8").splitlines())
    return [case for case in found if "bomb" not in case and case["id"] not in ("giant-50m", "result-80m")]


EVENTS = cases("lazycelery_core/tests/data/events.jsonl")
ENVELOPES = cases("plugins/redis/tests/data/envelopes.jsonl")
RESULTS = cases("lazycelery_core/tests/data/results.jsonl")
STREAMS = {case["id"]: case for case in cases("lazycelery_core/tests/data/streams.jsonl")}
by_id = pytest.mark.parametrize


@dataclass
class Scene:
    """The program on its terminal, a line on which anything can be said, and a watcher that knows the numbers."""

    server: Server
    terminal: Terminal
    wire: Wire
    watch: Watch
    process: psutil.Process
    numbers: Iterator[int] = field(default_factory=count)

    def good(self) -> None:
        """A good event, which has to be on the screen."""
        name = f"good.{next(self.numbers)}"
        self.wire.event(type="task-received", uuid=name, name=name, hostname="good@h", args="()", kwargs="{}")
        self.terminal.wait_for(f" {name} ")

    def heard(self) -> bool:
        """Whether both watchers listen to events and to results."""
        return sum(int(client["psub"]) for client in self.wire.client.client_list()) == 4

    def waiting(self) -> int:
        """Bytes that the server holds for the watcher that is furthest behind."""
        return max(int(client["omem"]) for client in self.wire.client.client_list())

    def snapshot(self) -> Snapshot:
        """What the watcher knows."""
        return self.watch.deployment.snapshot(time.time())

    def rejected(self) -> int:
        """Events that were not applied, by the sources and by the store."""
        now = self.snapshot()
        return sum(sum(link.rejected.values()) for link in now.links) + sum(now.totals.rejected.values())

    def until(self, condition: Callable[[Snapshot], object], what: str, seconds: float = 10.0) -> None:
        """Wait until the watcher knows it."""
        wait_until(lambda: condition(self.snapshot()), what, seconds)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as running:
        running.enter_context(pytest.MonkeyPatch.context()).setenv("XDG_STATE_HOME", str(home))
        server = running.enter_context(start_valkey(home))
        launcher = Launcher(loads(""), Options())
        watch = launcher.watch(launcher.connect(server.url))
        running.callback(watch.stop)
        watch.start()
        argv = [sys.executable, "-m", "lazycelery_core", "--broker", server.url]
        environment = {"XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        terminal = running.enter_context(Terminal(argv, environment=environment))
        terminal.wait_for("Waiting for the first event")
        wire = running.enter_context(Wire(server))
        scene = Scene(server, terminal, wire, watch, psutil.Process(terminal.pid))
        terminal.type("T")
        wait_until(scene.heard, "both listen")
        scene.good()
        yield scene


def body_of(case: dict[str, Any]) -> bytes:
    """The body of an event, with an id of its own and the time of now."""
    if "raw_b64" in case:
        return base64.b64decode(case["raw_b64"])
    if "raw" in case:
        return str(case["raw"]).encode()
    if "raw_recipe" in case:
        recipe = case["raw_recipe"]
        text, times = recipe["repeat"]
        then, more = recipe.get("then", ["", 0])
        return str(recipe["prefix"] + text * times + then * more + recipe["suffix"]).encode()
    body = json.loads(json.dumps(case["body"]).replace('"NOW"', str(time.time())).replace('"U1"', f'"{case["id"]}"'))
    body = body | {f"field-{n}": n for n in range(case["recipe_fields"])} if "recipe_fields" in case else body
    text = json.dumps(body)
    for word in case.get("bare", []):
        text = text.replace(f'"{word}"', word)
    return text.encode()


@by_id("case", EVENTS, ids=[case["id"] for case in EVENTS])
def test_after_a_hostile_event_the_next_one_is_shown(scene: Scene, case: dict[str, Any]) -> None:
    before, verdict = scene.rejected(), case["expect"]["verdict"]
    body = body_of(case)
    scene.wire.body(body)
    scene.good()
    if verdict in ("reject", "mixed"):
        scene.until(lambda _: scene.rejected() > before, "it is counted as rejected")
    else:
        assert scene.rejected() == before
    if verdict in ("keep", "repair") and f'"uuid": "{case["id"]}"'.encode() in body:
        assert scene.snapshot().tasks.get(case["id"]) is not None
    assert all(scene.snapshot().tasks.get(kept) for kept in case["expect"].get("kept", ()))


def payload_of(case: dict[str, Any]) -> bytes:
    """What is published, envelope and all."""
    if "payload_b64" in case:
        return base64.b64decode(case["payload_b64"])
    return str(case["payload"]).encode() if "payload" in case else json.dumps(case["envelope"]).encode()


@by_id("case", ENVELOPES, ids=[case["id"] for case in ENVELOPES])
def test_after_a_hostile_envelope_the_next_event_is_shown(scene: Scene, case: dict[str, Any]) -> None:
    before = scene.rejected()
    scene.wire.payload(payload_of(case))
    scene.good()
    if case["expect"] != "keep":
        scene.until(lambda _: scene.rejected() == before + 1, "it is counted as rejected")
    assert b"opened" not in scene.terminal.written  # what pickle and YAML would have printed


@by_id("case", RESULTS, ids=[case["id"] for case in RESULTS])
def test_after_a_hostile_result_the_next_event_is_shown(scene: Scene, case: dict[str, Any]) -> None:
    meta = case["meta"] | {"task_id": case["id"]} if isinstance(case["meta"], dict) else case["meta"]
    scene.wire.result(case["id"], meta)
    scene.good()
    scene.until(lambda now: (now.tasks.get(case["id"]) is None) == (case["expect"] == "reject"), "it is what it is")
    assert "evilmod" not in sys.modules


ORDERED = [case for case in STREAMS.values() if "events" in case]


@by_id("case", ORDERED, ids=[case["id"] for case in ORDERED])
def test_a_sequence_of_events_comes_to_what_it_has_to(scene: Scene, case: dict[str, Any]) -> None:
    now = time.time()
    times = {"NOW": now, "NOW+1": now + 1, "NOW+2": now + 2}
    for at, event in enumerate(case["events"]):
        fields = {**event, "timestamp": times[event["timestamp"]] + at / 1e6}
        scene.wire.event(
            **(event | {"timestamp": times[event["timestamp"]]} if case["id"] == "duplicate-3x" else fields)
        )
    scene.good()
    expect, tasks = case["expect"], scene.snapshot().tasks
    stories = {uuid: tasks.story(uuid) for uuid in {event["uuid"] for event in case["events"]}}
    assert all(stories.values())
    for uuid, story in stories.items():
        assert story is not None
        assert story.task.state.name == expect.get("state", {}).get(uuid, story.task.state.name)
        assert story.task.retries + 1 == expect.get("attempts", {}).get(uuid, story.task.retries + 1)
        ends = [moment for moment in story.moments if moment.kind in ("task-succeeded", "task-failed")]
        assert len(ends) == expect.get("history", {}).get(uuid, len(ends))
        if expect.get("name"):
            assert story.task.name == ""
    if "tasks" in expect:
        assert (len(stories), tasks.held) == (1, tasks.held)


@by_id("offset", [STREAMS[name]["recipe"]["heartbeat_offset_s"] for name in STREAMS if name.startswith("clock-skew")])
def test_a_worker_with_another_clock_is_online_and_its_skew_is_known(scene: Scene, offset: float) -> None:
    name = f"skewed{offset}@h"

    def beat(now: Snapshot) -> bool:
        scene.wire.event(type="worker-heartbeat", hostname=name, freq=2.0, timestamp=time.time() + offset)
        worker = now.worker(name)
        return worker is not None and worker.state is WorkerState.ONLINE and abs((worker.skew or 0.0) - offset) < 1

    scene.until(beat, "online, and its skew")
    scene.good()


def test_two_processes_under_one_name_are_called_that(scene: Scene) -> None:
    recipe = STREAMS["same-host-two-pids"]["recipe"]
    scene.terminal.type("W")
    for _ in range(recipe["heartbeats"] // 2):
        for pid in recipe["alternate_pid"]:
            scene.wire.event(type="worker-heartbeat", hostname="twins@h", freq=2.0, pid=pid)
    scene.until(lambda now: (worker := now.worker("twins@h")) is not None and worker.twins, "twins")
    scene.terminal.wait_for("twins is the name of two workers: pids 10, 11")
    scene.terminal.type("T")
    scene.good()


def test_a_worker_that_comes_and_goes_twenty_thousand_times_is_one_worker(scene: Scene) -> None:
    with scene.wire.client.pipeline(transaction=False) as together:
        for number in range(STREAMS["online-flap-20k"]["recipe"]["flap"]):
            kind = ("worker-online", "worker-offline")[number % 2]
            event = {"type": kind, "hostname": "flap@h", "timestamp": time.time(), "freq": 2.0, "pid": 7}
            together.publish("/0.celeryev/worker.flap", enveloped(json.dumps(event).encode()))
        together.execute()
    scene.good()
    scene.until(lambda now: now.worker("flap@h"), "the worker")
    assert [worker.hostname for worker in scene.snapshot().workers].count("flap@h") == 1


def test_with_a_bad_event_every_tenth_of_a_second_every_good_one_is_shown(scene: Scene) -> None:
    bad = [payload_of(case) for case in ENVELOPES] + [enveloped(body_of(case)) for case in EVENTS[:-2]]
    before = scene.snapshot().tasks.held
    began = time.monotonic()
    for number in range(60):  # 20 good ones a second, for three seconds
        if number % 2:
            scene.wire.payload(bad[number % len(bad)])
        scene.wire.event(type="task-received", uuid=f"p{number}", name="poisoned", hostname="good@h")
        scene.terminal.read_for(max(0.0, began + (number + 1) / 20 - time.monotonic()))
    scene.until(lambda now: all(now.tasks.get(f"p{number}") for number in range(60)), "all 60")
    scene.terminal.type("f", "name=poisoned", "enter")
    scene.terminal.wait_for("60 shown")
    scene.terminal.type("escape")
    assert scene.snapshot().tasks.held >= before + 60


def packed(codec: str, mib: int, body: bytes) -> bytes:
    """The body with that many MiB of one letter in place of its @, compressed, made piece by piece."""
    packer: Any = zlib.compressobj(1) if codec == "zlib" else bz2.BZ2Compressor()
    head, tail = body.split(b"@", 1)
    pieces = [packer.compress(head), *(packer.compress(b"A" * MIB) for _ in range(mib)), packer.compress(tail)]
    return b"".join([*pieces, packer.flush()])


@contextmanager
def not_grown(scene: Scene) -> Iterator[None]:
    """What happens meanwhile takes no more memory than a bomb may."""
    before, highest = scene.process.memory_info().rss, memory(scene, "VmHWM")
    yield
    grown = max(memory(scene, "VmHWM") - max(highest, before), scene.process.memory_info().rss - before)
    assert grown <= BOMB_GROWTH


ZIPPED = {"compression": "application/x-gzip"}


@by_id("codec,header", [("zlib", "application/x-gzip"), ("bz2", "application/x-bz2")])
def test_an_event_that_is_a_bomb_of_300_mib_is_not_unpacked(scene: Scene, codec: str, header: str) -> None:
    event = {"type": "task-received", "uuid": codec, "hostname": "w1@h", "timestamp": time.time(), "args": "@"}
    body = packed(codec, 300, json.dumps(event).encode())
    rejected = scene.rejected()
    with not_grown(scene):
        scene.wire.payload(enveloped(body, headers={"compression": header}))
        scene.good()
        scene.until(lambda _: scene.rejected() == rejected + 1, "it is counted as rejected")


def test_a_waiting_message_that_is_a_bomb_is_listed_and_not_unpacked(scene: Scene) -> None:
    told = {"id": "boom-1", "task": "shop.boom", "argsrepr": "(1,)", "kwargsrepr": "{}", **ZIPPED}
    message = enveloped(packed("zlib", 300, b'[["@"], {}, {}]'), headers=told, delivery_info={})
    with not_grown(scene):
        scene.wire.client.sadd("_kombu.binding.bombs", "bombs\x06\x16\x06\x16bombs")
        scene.wire.client.lpush("bombs", message)
        scene.terminal.type("Q", "1", "g", "g")
        scene.terminal.wait_for("shop.boom")
        scene.terminal.type("4", "enter")
        scene.terminal.wait_for("larger than the limit when unpacked")
        scene.terminal.type("escape")
        scene.wire.client.delete("bombs")
        scene.terminal.type("T")
        scene.good()


def test_an_answer_that_is_a_bomb_is_not_unpacked(scene: Scene) -> None:
    bomb, asked = enveloped(packed("zlib", 300, b'{"bomb@h": {"ok": "@"}}'), headers=ZIPPED), list[str]()

    def answer(command: str) -> dict[str, Any]:
        asked.append(command)
        return {"bomb": 1}

    with not_grown(scene), answering(scene.server, answer, lambda _: bomb):
        scene.terminal.type("W", "r")
        wait_until(lambda: scene.terminal.read(0.0) and len(asked) > 5, "workers are asked")
        scene.terminal.type("T")
        scene.good()


def memory(scene: Scene, what: str) -> int:
    """Bytes of the program, as /proc has them; 0 where there is none."""
    status = Path(f"/proc/{scene.process.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(what)), 0)


def test_an_event_of_50_mb_is_rejected_or_a_gap_and_its_memory_is_given_back(scene: Scene) -> None:
    """Redis may drop a subscriber that has so much outstanding; then the line is new within a moment."""
    before, rejected = scene.process.memory_info().rss, scene.rejected()
    gaps = sum(len(link.gaps) for link in scene.snapshot().links)
    scene.wire.event(type="task-received", uuid="giant", name="giant", hostname="w1@h", args="a" * GIANT)
    scene.until(
        lambda now: scene.rejected() > rejected or sum(len(link.gaps) for link in now.links) > gaps, "it is told"
    )
    wait_until(scene.heard, "both listen", 60)
    scene.good()
    assert memory(scene, "VmHWM") - before <= 3 * GIANT * 4 / 3  # base64 is a third longer
    wait_until(lambda: scene.process.memory_info().rss - before <= BOMB_GROWTH, "the memory is given back", 60)


@by_id("kind", ["names", "hosts"])
def test_a_hundred_thousand_names_or_hosts_are_bounded(scene: Scene, kind: str) -> None:
    """As fast as both watchers hear: whoever is slower than the broker's buffer is long has a gap instead."""
    case = STREAMS[f"{kind}-100k"]
    before, began = scene.process.memory_info().rss, time.monotonic()
    for first in range(0, 100_000, 1_000):
        with scene.wire.client.pipeline(transaction=False) as together:
            for number in range(first, first + 1_000):
                together.publish(CHANNEL, invented(kind, number))
            together.execute()
        wait_until(lambda: scene.terminal.read(0.0) and scene.waiting() < BEHIND, "they hear it")
    scene.wire.event(type="task-received", uuid=f"g-{kind}", name="good", hostname="good@h")
    scene.terminal.wait_for(f" g-{kind}"[:7])
    assert time.monotonic() - began <= case["goal_s"] * slack()
    assert memory(scene, "VmHWM") - before <= case["goal_mib"] * MIB + 3 * GIANT  # the highest may be the giant's
    assert scene.process.memory_info().rss - before <= case["goal_mib"] * MIB
    what = {"names": "names beyond the limit", "hosts": "workers that were quiet longest"}[kind]
    scene.until(lambda now: now.totals.left_out.get(what, 0) >= 70_000, "what is left out is counted")


def invented(kind: str, number: int) -> bytes:
    """An event with a name that no other has."""
    event: dict[str, Any] = {"timestamp": time.time(), "clock": number, "pid": 1}
    if kind == "names":
        event |= {"type": "task-received", "uuid": f"t{number}", "hostname": "w1@h", "name": f"name.{number}"}
    else:
        event |= {"type": "worker-heartbeat", "hostname": f"w@h{number}", "freq": 2.0, "active": 0}
    return enveloped(json.dumps(event).encode())


def test_after_all_that_the_program_is_as_it_was(scene: Scene) -> None:
    assert scene.terminal.status is None
    assert scene.process.num_threads() < 25
    assert (scene.snapshot().totals.lag or 0.0) < 60  # no event with an impossible time is taken for a late one
    assert scene.process.memory_info().rss < 300 * MIB
    scene.terminal.type("q")
    assert scene.terminal.wait() == 0
    assert b"Traceback" not in scene.terminal.written
    assert not list(Path(scene.watch.settings.environment.state_path).glob("crash-*"))
