"""How are workers asked, and told? Celery's remote control over plain AMQP.

A question is published to the workers' fanout exchange; answers come into a queue of our own, which is exclusive: it
goes with its connection. Nothing is declared that could stay behind: where no exchange for replies exists yet, workers
answer through the default one.

RabbitMQ does not tell how many heard a question. But every worker has a queue of its own, named after it and bound to
its connection, so of each worker that was met before it can be told whether it is still there. An answer is complete as
soon as all of those have spoken; and from time to time the whole timeout is waited for those that nobody met.
Source: kombu/pidbox.py (Mailbox, Node), celery/worker/pidbox.py.
"""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lazycelery_core.control import INSPECT_COMMANDS, Replies
from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_plugin_amqp.address import Address
from lazycelery_plugin_amqp.line import CONNECT, Line
from lazycelery_plugin_amqp.mailbox import GRACE, Blocked, Expected, Mailbox, NobodyListens, blocked

PATIENCE = 0.5  # s that closing waits for a question
HEARTBEAT = 30.0  # s; questions may be that far apart, and each keeps the connection alive
WHOLE = 60.0  # s between two broadcasts that wait their whole timeout
SEEN = 120.0  # s that a worker is expected to answer after it last did
MOST = 1_000  # workers expected by name; the deployment names no more either
EMPTY = 10.0  # s until an exchange that was not there is looked for again: each refusal is a line in the broker's log


class Pidbox:
    """Broadcasts to workers and collects their replies; from any thread, one question at a time.

    A broken line costs one question at most the timeout + 0.5 s, and is opened anew for the next.
    """

    def __init__(self, address: Address, exchange: str = "celery") -> None:
        patient = replace(address, heartbeat=max(HEARTBEAT, address.heartbeat))
        self._line, self._exchange, self._lock = Line(patient, "control"), exchange, threading.Lock()
        self._mailbox: Mailbox | None = None
        self._met: frozenset[str] = frozenset()
        self._answered: dict[str, float] = {}  # hostname -> monotonic time of its last answer
        self._whole_at = self._empty_until = float("-inf")
        self._blocked = False

    @property
    def asked(self) -> int:
        """Commands sent to the broker since start."""
        return self._line.asked

    def meet(self, hostnames: Collection[str]) -> None:
        """Which workers are there, as far as anybody knows: those whose answers are waited for."""
        met = frozenset(hostnames)
        if not met <= self._met:
            self._empty_until = float("-inf")
        self._met = met

    def blocked(self) -> bool:
        """Whether an alarm of the broker stops questions, as far as it told this connection. Does not wait for one."""
        if self._lock.acquire(blocking=False):
            try:
                self._line.catch_up()
                self._blocked = self._line.is_open and self._line.blocked
            finally:
                self._lock.release()
        return self._blocked

    def broadcast(
        self, command: str, arguments: Mapping[str, Any] | None, destination: Sequence[str] | None, timeout: float
    ) -> Replies:
        """All replies within `timeout` seconds. destination: None for all; an empty one is nobody, not everybody.

        Raises SourceError, also where others asked all that time: that nobody answered would be a lie.
        """
        if destination is not None and not destination:
            return Replies(())
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            raise SourceError("Workers were not asked: another question still waits for its answer.", "Ask again.")
        try:
            return self._asked(_message(command, arguments, destination), destination, deadline)
        except AccessRefused:
            self._hang_up()
            raise
        except Blocked:  # the end of the alarm is told on this connection; others would pile up at the broker
            raise
        except LazyCeleryError:
            self._mailbox = None
            self._line.drop()  # a polite end would wait for a broker that may be dead
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Hang up; a question that is being asked ends first, if that is soon."""
        free = self._lock.acquire(timeout=PATIENCE)
        self._hang_up()
        if free:
            self._lock.release()

    def _asked(self, message: dict[str, Any], destination: Sequence[str] | None, deadline: float) -> Replies:
        now = time.monotonic()
        if now < self._empty_until:
            return Replies((), 0)
        try:
            mailbox = self._opened(deadline)
        except NobodyListens:
            self._empty_until = now + EMPTY
            return Replies((), 0)
        if self._line.blocked:  # what is sent now would be heard at the end of the alarm
            raise blocked()
        replies = mailbox.ask(message, self._expected(destination, now), deadline)
        at = time.monotonic()
        self._answered |= {node.hostname: at for node in replies.nodes}
        return replies

    def _expected(self, destination: Sequence[str] | None, now: float) -> Expected:
        """Whose answers are waited for."""
        if destination is not None:
            return Expected(frozenset(destination), alone=True, whole=False)
        self._answered = {name: at for name, at in self._answered.items() if now - at < SEEN}
        names = frozenset([*self._met, *self._answered][:MOST])
        whole = not names or now - self._whole_at > WHOLE
        if whole:
            self._whole_at = now
        return Expected(names, alone=False, whole=whole)

    def _opened(self, deadline: float) -> Mailbox:
        """Where replies arrive: of the connection that there is, or of a new one. Raises NobodyListens."""
        self._line.catch_up()
        if not self._line.is_open:
            self._mailbox = None
            self._line.open(min(CONNECT, max(GRACE, deadline - time.monotonic())))
        if self._mailbox is None or not self._mailbox.is_open:
            self._mailbox = Mailbox(self._line, self._exchange, deadline)
        return self._mailbox

    def _hang_up(self) -> None:
        self._mailbox = None
        self._line.close()


class Inspector(Pidbox):
    """Asks workers questions that change nothing."""

    def inspect(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """As `Inspects.inspect`."""
        if command not in INSPECT_COMMANDS:
            raise ValueError(f"{command} is not a question")
        return self.broadcast(command, arguments, destination, timeout)


class Commander(Pidbox):
    """Sends commands with an effect. Built only when a scope was granted."""

    def control(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """As `Controls.control`."""
        return self.broadcast(command, arguments, destination, timeout)


def _message(command: str, arguments: Mapping[str, Any] | None, destination: Sequence[str] | None) -> dict[str, Any]:
    return {
        "method": command, "arguments": dict(arguments or {}), "pattern": None, "matcher": None,
        "destination": list(destination) if destination else None,
    }  # fmt: skip
