"""Which queues are there, when the broker has no list of them to give away? Names from settings, workers and events.

Each is looked for by a passive declare, some in a turn; one that does not exist is asked again ever more rarely, since
the refusal costs a channel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lazycelery_plugin_amqp.delayed import decoded, level_of

QUEUES = 2000  # queues watched; beyond that the counting itself would be a load
PATIENCE = (5.0, 15.0, 60.0)  # s until a name that was no queue is asked again
LONGEST = 255  # bytes of a name in AMQP
NAMED = "named:"


@dataclass(frozen=True)
class Names:
    """Which names are plumbing: queues of events, control, replies, delays. Both exchanges are Celery's settings."""

    event_exchange: str = "celeryev"
    control_exchange: str = "celery"

    def is_internal(self, name: str) -> bool:
        """Whether a queue or an exchange of that name carries no tasks."""
        pidbox = f"{self.control_exchange}.pidbox"
        return (
            name in (self.event_exchange, pidbox, f"reply.{pidbox}")
            or name.startswith((f"{self.event_exchange}.", "amq."))
            or name.endswith(f".{pidbox}")
            or level_of(name) is not None
        )


@dataclass
class _Known:
    misses: int = 0
    due: float = 0.0


@dataclass
class Discovery:
    """The names that are worth asking for, and when. names: what is plumbing; pinned: always shown."""

    names: Names
    pinned: Sequence[str] = ()
    left_out: int = 0
    _known: dict[str, _Known] = field(default_factory=dict)
    _turn: int = 0

    def __post_init__(self) -> None:
        self.learn(self.pinned)

    def start(self) -> None:
        """The broker may be another one: ask for every name again."""
        for known in self._known.values():
            known.misses, known.due = 0, 0.0

    def learn(self, names: Iterable[str]) -> None:
        """All names that somebody used. The delay that Celery writes in front of a routing key is taken off."""
        self.left_out = 0
        for told in names:
            late = decoded(told)
            name = late[1] if late else told
            if not name or name in self._known or self.names.is_internal(name) or _too_long(name):
                continue
            if len(self._known) >= QUEUES and not self._forget_one():
                self.left_out += 1
            else:
                self._known[name] = _Known()

    def _forget_one(self) -> bool:
        """Make room: a name that was no queue several times goes."""
        worst = next((name for name, known in self._known.items() if known.misses >= len(PATIENCE)), None)
        return worst is not None and self._known.pop(worst) is not None

    def turn(self, most: int, now: float) -> list[str]:
        """At most so many names whose turn it is, each in its time."""
        due = [name for name, known in self._known.items() if known.due <= now]
        start = self._turn % len(due) if due else 0
        chosen = (due[start:] + due[:start])[:most]
        self._turn = start + len(chosen) if len(due) > most else 0
        return chosen

    def found(self, name: str) -> None:
        """It is a queue."""
        self._known[name] = _Known()

    def missed(self, name: str, now: float) -> None:
        """It is none."""
        known = self._known[name]
        known.due = now + PATIENCE[min(known.misses, len(PATIENCE) - 1)]
        known.misses += 1

    def is_missing(self, name: str) -> bool:
        """Whether it was none when it was last asked for."""
        known = self._known.get(name)
        return known is not None and known.misses > 0


def _too_long(name: str) -> bool:
    return len(name.encode(errors="surrogatepass")) > LONGEST
