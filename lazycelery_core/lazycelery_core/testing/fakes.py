"""What can an action or a source be tried on without a broker? Abilities that note what they were asked.

workers = FakeWorkers(answers={"enable_events": {"ok": "task events enabled"}})
sent = my_action.run(Control((workers,)), [a_worker()])
assert workers.sent == [Asked("enable_events", {}, ("w1@testing",))]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lazycelery_core.control import INSPECT_COMMANDS, NodeReply, Peek, PeekPrice, Replies
from lazycelery_core.model import Message

WORKER = "w1@testing"


@dataclass(frozen=True, slots=True)
class Asked:
    """One broadcast: the command, its arguments, and the nodes it was for, None for all."""

    command: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    destination: tuple[str, ...] | None = None


@dataclass
class FakeWorkers:
    """Fulfils `Inspects` and `Controls`. answers: command -> what each worker says; an Exception in it is raised.

    hostnames: who answers. `asked` and `sent` note the questions and the commands, in order.
    """

    answers: Mapping[str, Any] = field(default_factory=dict)
    hostnames: Sequence[str] = (WORKER,)
    asked: list[Asked] = field(default_factory=list)
    sent: list[Asked] = field(default_factory=list)

    def inspect(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """What the workers say to a question."""
        if command not in INSPECT_COMMANDS:
            raise ValueError(f"{command} is no question")
        return self._replies(self.asked, Asked(command, dict(arguments or {}), _nodes(destination)))

    def control(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """What the workers say to a command."""
        return self._replies(self.sent, Asked(command, dict(arguments or {}), _nodes(destination)))

    def _replies(self, notes: list[Asked], asked: Asked) -> Replies:
        notes.append(asked)
        answer = self.answers.get(asked.command, {"ok": "done"})
        if isinstance(answer, Exception):
            raise answer
        told = [name for name in self.hostnames if asked.destination is None or name in asked.destination]
        return Replies([NodeReply(name, answer, latency=0.001) for name in told], len(self.hostnames))


def _nodes(destination: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if destination is None else tuple(destination)


@dataclass
class FakeQueues:
    """Fulfils `Peeks`. messages: those of all queues, in order of delivery; `peeked` notes the queues asked for.

    cost: what a look at any queue costs, None when it is free.
    """

    messages: Sequence[Message] = ()
    peeked: list[str] = field(default_factory=list)
    cost: PeekPrice | None = None

    def price(self, queue: str) -> PeekPrice | None:
        """The same for every queue."""
        return self.cost

    def peek(self, queue: str, offset: int = 0, limit: int = 50) -> Peek:
        """A page of a queue's messages."""
        self.peeked.append(queue)
        waiting = [message for message in self.messages if message.queue == queue]
        return Peek(waiting[offset : offset + limit], len(waiting))


@dataclass
class FakeResults:
    """Fulfils `StoresResults`. metas: task id -> the stored JSON."""

    metas: Mapping[str, bytes] = field(default_factory=dict)

    def results(self, task_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The metas that exist."""
        return {each: self.metas[each] for each in task_ids if each in self.metas}
