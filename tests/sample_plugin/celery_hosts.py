"""Which machines do the workers run on? A view, an action with a key, a tab about a worker, and a setting."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from lazycelery_core.action import Action, Go
from lazycelery_core.arranging import arranged
from lazycelery_core.control import Control
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.pane import Column, DetailTab, DrawContext, Line, Pane, Rows, TablePane, View, line
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.tones import Tone


@dataclass(frozen=True)
class Settings:
    """What the list of hosts shows."""

    few: Annotated[int, Meta(description="workers below which a host is drawn as a warning", ge=0)] = 1
    offline: Annotated[bool, Meta(description="whether workers that are gone count")] = True


@dataclass(frozen=True)
class Host:
    """A machine and its workers."""

    name: str
    workers: tuple[Worker, ...]


def host_of(worker: Worker) -> str:
    """`web-7` of `worker-1@web-7`."""
    return worker.hostname.partition("@")[2]


def hosts_of(snapshot: Snapshot, settings: Settings) -> list[Host]:
    """Every machine, by name."""
    there = [each for each in snapshot.workers if settings.offline or each.state is not WorkerState.OFFLINE]
    names = sorted({host_of(each) for each in there})
    return [Host(name, tuple(each for each in there if host_of(each) == name)) for name in names]


class Hosts(TablePane):
    """One machine a line."""

    id, view, title, on = "hosts.list", View("hosts", "Hosts", "H", 15), "Hosts", "host"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.columns = (  # type: ignore[misc]  # its drawing depends on the settings
            Column("name", "host", lambda host, _: line(host.name), 20, grow=1, sort=lambda host: host.name,
                   value=lambda host: host.name),
            Column("workers", "workers", self._workers, 8, align="right", sort=lambda host: len(host.workers),
                   value=lambda host: len(host.workers)),
        )  # fmt: skip

    def _workers(self, host: Host, context: DrawContext) -> Line:
        few = len(host.workers) < self._settings.few
        return line((str(len(host.workers)), Tone.WARN if few else Tone.TEXT))

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        return arranged(hosts_of(snapshot, self._settings), self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        return str(item.name)


class Neighbours(DetailTab):
    """The other workers on the same machine."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "neighbours"
    title: ClassVar[str] = "neighbours"
    order: ClassVar[int] = 90

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        here = [each for each in context.snapshot.workers if host_of(each) == host_of(item)]
        others = [line(each.hostname) for each in here if each.hostname != item.hostname]
        return others or [line(("Alone on its machine.", Tone.DIM))]


def its_workers(control: Control, hosts: Sequence[Host]) -> Go:
    """The Workers view with those of one machine."""
    return Go("workers", filter=f"name:*@{hosts[0].name}")


@hookimpl
def lazycelery_settings() -> type:
    return Settings


@hookimpl
def lazycelery_panes(settings: Settings) -> Iterable[Pane | DetailTab]:
    return [Hosts(settings), Neighbours()]


@hookimpl
def lazycelery_actions(settings: Settings) -> Iterable[Action]:
    return [Action("host.workers", "Its workers", its_workers, on="host", many=False)]


@hookimpl
def lazycelery_keybindings(settings: Settings) -> Mapping[str, str]:
    return {"host.workers": "t"}
