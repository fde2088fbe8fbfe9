"""What can be asked of a deployment, or done to it? Small protocols, one ability each.

A source offers objects that fulfil some of these; the deployment hands out only those its level allows. In the passive
level no ability that publishes exists; writer abilities exist only when a scope was granted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from lazycelery_core.model import Message, TaskStory


class Level(IntEnum):
    """How far the monitor may go. Each level includes the ones before."""

    PASSIVE = 0  # subscriptions and reads from a fixed list of commands; nothing is ever published
    READ_ONLY = 1  # also asks workers by inspect
    GRANTED = 2  # writes, by scope


@dataclass(frozen=True, slots=True)
class NodeReply:
    """One node's answer to a broadcast. `value` is decoded data, None with `error` a sentence otherwise.

    A reply in a serializer that can run code (pickle) is named in `error`, never opened.
    """

    hostname: str
    value: Any = None
    error: str = ""
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class Replies:
    """All answers to one broadcast. `listeners` are the nodes that heard it, None if unknown.

    It is the broker's count; where it does not count, those that answered and those met before that are still there.
    """

    nodes: Sequence[NodeReply]
    listeners: int | None = None

    @property
    def mute(self) -> int:
        """Nodes that heard the question and gave no answer (busy solo pools, other applications)."""
        return max(0, (self.listeners or 0) - len(self.nodes))


INSPECT_COMMANDS = frozenset(
    ["ping", "stats", "conf", "active", "reserved", "scheduled", "registered", "revoked", "active_queues", "query_task"]
)


@runtime_checkable
class Inspects(Protocol):
    """Asks workers questions that change nothing."""

    def inspect(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """Answers of the nodes within `timeout` seconds; returns as soon as every listener has answered.

        command: one of INSPECT_COMMANDS, else ValueError. destination: node names, None for all.
        Raises SourceError when the broker is gone, AccessRefused when the credential may not; at the latest after
        `timeout` + 0.5 s.
        """


@runtime_checkable
class Controls(Protocol):
    """Sends remote control commands that change something. Exists only when a scope was granted."""

    def control(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """Same as `Inspects.inspect`, for commands with an effect (`enable_events` ...)."""


@dataclass(frozen=True, slots=True)
class Peek:
    """A page of waiting messages, next to be delivered first. `total` is the queue's ready count at that moment."""

    messages: Sequence[Message]
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class PeekPrice:
    """What one look at a queue costs there, in `sentence`s; nothing looks by itself where there is a price.

    `limit`: messages that one look should ask for at most. needs_confirmation: it changes what workers get, so it is a
    write (scope `peek`): confirmed and audited; else one key is enough. `remaining`: looks that the next messages
    survive before the broker throws them away, None where there is no such limit or it is not known (the sentence tells
    which). `refusal`: why nobody may look at all, "" when one may.
    """

    sentence: str
    limit: int = 20
    needs_confirmation: bool = False
    remaining: int | None = None
    refusal: str = ""


@runtime_checkable
class Peeks(Protocol):
    """Reads waiting messages without consuming them."""

    def price(self, queue: str) -> PeekPrice | None:
        """What a look at this queue costs, None when it is free. Asked before the first look; as `peek`, it blocks."""

    def peek(self, queue: str, offset: int = 0, limit: int = 50) -> Peek:
        """Messages offset..offset+limit in order of delivery (limit <= 200). Raises SourceError, AccessRefused."""


@runtime_checkable
class StoresResults(Protocol):
    """Reads stored results by task id."""

    def results(self, task_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The JSON metas that exist, by task id (at most 200 ids a call)."""


@runtime_checkable
class Tells(Protocol):
    """Tells what was reported about a task; every deployment can, its store does."""

    def story(self, task_id: str) -> TaskStory | None:
        """All that is known about a task, None when it is no longer held."""


@runtime_checkable
class Counts(Protocol):
    """Counts what it sends to the broker; any ability may."""

    @property
    def asked(self) -> int:
        """Commands sent since start."""


@runtime_checkable
class Diagnoses(Protocol):
    """Says what works on a connection, what does not, and which right is missing."""

    def diagnose(self) -> Iterable["Finding"]:
        """Findings in the order they were tried; never raises for a refusal, that is a finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `doctor` tried. `right` names the missing permission; `hint` what to do."""

    what: str
    ok: bool
    detail: str = ""
    right: str = ""
    hint: str = ""


Ability = TypeVar("Ability")


def commands_of(ability: object) -> int | None:
    """The commands that an ability has sent since start, None where it does not count them."""
    return ability.asked if isinstance(ability, Counts) else None


@dataclass(frozen=True)
class Control:
    """The abilities of one deployment. `get(Inspects)` returns the object that can, or None."""

    abilities: tuple[object, ...] = ()

    def get(self, ability: type[Ability]) -> Ability | None:
        """The first object that fulfils the protocol, None when nothing here can do that."""
        return next((each for each in self.abilities if isinstance(each, ability)), None)
