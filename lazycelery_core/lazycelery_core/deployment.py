"""What is one watched deployment? Its sources, its store, its projections and its control, behind one snapshot.

Several can be live at once; nothing here is global. Data flows one way: sources deliver batches into the store and the
projections, snapshots are read out. Only `Control` goes back to the broker.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lazycelery_core.action import Policy
from lazycelery_core.audit import Audit
from lazycelery_core.control import Control, Inspects
from lazycelery_core.cost import Cost
from lazycelery_core.events import Event
from lazycelery_core.model import Gap, Link, TaskStory, Worker, WorkerState
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.projection import Projection
from lazycelery_core.pulse import Pulse
from lazycelery_core.repair import Repair
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.source import Source
from lazycelery_core.store import Store
from lazycelery_core.supervisor import Supervisor
from lazycelery_core.writes import Writes

if TYPE_CHECKING:
    from lazycelery_core.config import Connection

log = logging.getLogger("lazycelery.deployment")
Answer = TypeVar("Answer")
STRIKES = 3  # failures in a row after which a projection is left out
REFOCUS = 1.0  # s between two words to the pollers
MET = 1000  # workers the pollers are told of; more are left to what answers a broadcast
SMOOTH = 0.1  # share of a new batch in the shown lag
REST = 2.5  # s that sources get to close before the program is suspended
GOODBYE = 2.0  # s that sources get to undo what they left at the broker


class Stories:
    """What was reported about a task: the ability `control.Tells`, which every deployment has."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock

    def story(self, task_id: str) -> TaskStory | None:
        """All that is known about a task, None when it is no longer held."""
        return self._store.tasks(self._clock()).story(task_id)


class Deployment:
    """One broker being watched. `start()`, then `snapshot(now)` as often as wanted, `stop()` at the end.

    sources and projections: what the plugins offered for this connection. policy decides which abilities exist at all:
    nothing that publishes in the passive level, no writer below a granted scope.
    """

    def __init__(
        self,
        connection: "Connection",
        sources: Sequence[Source],
        projections: Sequence[Projection],
        policy: Policy,
        store: Store,
        health: PluginHealth,
        audit: Audit,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.connection, self.policy, self.store = connection, policy, store
        self._health, self._clock, self.cost = health, clock, Cost(health)
        self._lags: dict[Source, float] = {}
        self._pulse = Pulse()
        self._since = clock()
        self._repair = Repair(store.unfinished, clock)
        self._sources = [*sources, self._repair]
        self._projections = list(projections)
        self._strikes: dict[str, int] = {}
        self._topics: frozenset[str] = frozenset()
        self._refocus_at = 0.0
        self._lock = threading.Lock()
        offered = [ability for source in self._sources for ability in self._abilities(source)]
        self.control = Control((*offered, Stories(store, clock)))
        self.writes = Writes(self.control, policy, audit, connection.shown, clock, health)
        self._supervisors = [
            Supervisor(source, self._deliver, self._recovered, health, clock, self._pulse) for source in self._sources
        ]

    def start(self) -> None:
        """Start every source on its thread; returns at once."""
        for source in self._sources:
            self._asked(source, "bind", partial(source.bind, self.control, self.policy.level))
        self._pulse.start()
        for supervisor in self._supervisors:
            supervisor.start()

    def stop(self) -> None:
        """End every source; they get GOODBYE seconds together to leave nothing behind."""
        self._pulse.stop()
        for supervisor in self._supervisors:
            supervisor.stop()
        deadline = time.monotonic() + GOODBYE
        late = [each for each in self._supervisors if not each.join(max(0.0, deadline - time.monotonic()))]
        for supervisor in late:
            log.warning("source %s did not end in %s s", supervisor.source.name, GOODBYE)
        for ability in self.control.abilities:
            close = getattr(ability, "close", None)
            if close is not None:
                self._health.asked("", f"closing {type(ability).__name__}", close, None)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Nothing is read from the broker, and nothing kept open there to be filled, while the block runs."""
        for supervisor in self._supervisors:
            supervisor.rest()
        deadline = time.monotonic() + REST
        for supervisor in self._supervisors:
            supervisor.rests(max(0.0, deadline - time.monotonic()))
        try:
            yield
        finally:
            for supervisor in self._supervisors:
                supervisor.wake()

    def snapshot(self, now: float) -> Snapshot:
        """What is known at this moment."""
        store = self.store
        snapshot = Snapshot(
            version=store.version,
            now=now,
            since=self._since,
            name=self.connection.name,
            broker=self.connection.shown,
            level=self.policy.badge,
            scopes=self.policy.scopes,
            tasks=store.tasks(now),
            workers=store.workers(now),
            queues=store.queues(now),
            totals=store.totals(now),
            links=self.links(),
            views=self._views(),
            host=self.cost.host(),
            routing=store.routing(),
        )
        self._refocus(snapshot)
        return replace(snapshot, requests=self.writes.requests(snapshot))

    def links(self) -> tuple[Link, ...]:
        """The health of every source that talks to the broker."""
        counted = {(gap.start, gap.end): gap for gap in self.store.gaps(self._clock())}
        return tuple(self._link(each, counted) for each in self._supervisors if each.source is not self._repair)

    def _link(self, supervisor: Supervisor, counted: Mapping[tuple[float, float | None], Gap]) -> Link:
        """A source's health, with what the store knows of it."""
        link = supervisor.link()
        gaps = tuple(counted.get((gap.start, gap.end), gap) for gap in link.gaps)
        return replace(link, gaps=gaps, lag=self._lags.get(supervisor.source))

    def refresh(self) -> None:
        """Ask everything again now."""
        for supervisor in self._supervisors:
            supervisor.retry_now()
            self._asked(supervisor.source, "refresh", supervisor.source.refresh)

    def focus(self, topics: frozenset[str]) -> None:
        """What is on the screen; the pollers hear of it with the next snapshot."""
        self._topics = topics
        self._refocus_at = 0.0

    def _refocus(self, snapshot: Snapshot) -> None:
        """Tell the pollers what is shown, which workers and queues were met, and of which workers no events tell."""
        if snapshot.now < self._refocus_at:
            return
        self._refocus_at = snapshot.now + REFOCUS
        here = [worker for worker in snapshot.workers if worker.state is not WorkerState.OFFLINE][:MET]
        met = {f"met:{worker.hostname}" for worker in here}
        quiet = {f"quiet:{worker.hostname}" for worker in here if worker.task_events is False}
        named = {f"named:{queue}" for queue in queues_named(here, self.store.queue_names(MET))}
        for source in self._sources:
            self._asked(source, "focus", partial(source.focus, self._topics | met | quiet | named))

    def _views(self) -> dict[str, Any]:
        """What the projections show; one that raises has nothing to show."""
        views = {each.name: self._asked(each, "view", each.view) for each in self._projections}
        return {name: view for name, view in views.items() if view is not None}

    def _abilities(self, source: Source) -> Sequence[object]:
        return self._asked(source, "abilities", lambda: list(source.abilities(self.policy.level))) or ()

    def _asked(self, part: Source | Projection, what: str, call: Callable[[], Answer]) -> Answer | None:
        """What a plugin's part answers, None when it raised; it is named, and costs nobody else anything."""
        return self._health.asked(part.plugin, f"{part.name}.{what}", call, None)

    def _deliver(self, source: Source, events: Sequence[Event], now: float) -> None:
        with self._lock:
            self.store.apply(events, now)
            late = self.store.late(events[-1], now)
            if late is not None:
                before = self._lags.get(source, late)
                self._lags[source] = before + SMOOTH * (late - before)
            for projection in self._projections:
                self._project(projection, events, now)

    def _project(self, projection: Projection, events: Sequence[Event], now: float) -> None:
        if self._strikes.get(projection.name, 0) >= STRIKES:
            return
        begun = time.perf_counter()
        try:
            projection.apply(events, now)
            self._strikes.pop(projection.name, None)
        except Exception as error:  # noqa: BLE001 - guard "source thread": a projection runs on it
            self._strikes[projection.name] = self._strikes.get(projection.name, 0) + 1
            self._health.report(projection.plugin, f"projection {projection.name}", error)
        finally:
            self._health.timed(projection.plugin, f"projection {projection.name}", time.perf_counter() - begun)

    def _recovered(self, source: Source, gap: Gap) -> None:
        """Events were missed: stored results, the broker and the workers tell what became of what was known."""
        self.store.gap(gap, asked=self.control.get(Inspects) is not None)
        for each in self._sources:
            if not each.streams:
                self._asked(each, "refresh", each.refresh)


def queues_named(workers: Sequence[Worker], heard: Sequence[str]) -> set[str]:
    """Names of queues that workers consume or have in their settings, and of those that were `heard` of; bounded."""
    named = {*heard, *(queue for worker in workers for queue in worker.queues)}
    for worker in workers:
        named |= _in_settings(worker.reads["conf"].value) if "conf" in worker.reads else set()
    return set(sorted(named)[:MET])


def _in_settings(conf: Any) -> set[str]:
    """The default queue, and those that tasks are sent to by name."""
    if not isinstance(conf, dict):
        return set()
    routes = conf.get("task_routes")
    ways = routes.values() if isinstance(routes, dict) else ()
    names = (conf.get("task_default_queue"), *(way.get("queue") for way in ways if isinstance(way, dict)))
    return {name for name in names if name and isinstance(name, str)}
