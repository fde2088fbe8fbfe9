"""Where do events come from? The contract of a source; its supervisor stands in `supervisor.py`.

A source blocks as it likes: the host gives each one a thread of its own, restarts it with back-off and declares the
gap. It only has to notice within 3 s that its line is dead and to raise `SourceError` then.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from lazycelery_core.control import Control, Level
from lazycelery_core.events import Event


class Source(ABC):
    """One stream of events of one deployment.

    name: unique within the plugin, shown on the status line. `streams` is True where a broken line means missed
    events (a subscription): its outages are declared as gaps; False for a poller, whose outages only age numbers.
    """

    name: str = "source"
    streams: bool = False
    plugin: str = ""  # set by the host

    @abstractmethod
    def open(self) -> None:
        """Connect. Raises SourceError (retried) or AccessRefused (retried slowly, with the right named)."""

    @abstractmethod
    def read(self, timeout: float) -> Sequence[Event]:
        """Events that arrived, at most 256 or one message's worth, waiting at most `timeout` seconds for the first.

        Raises SourceError when the line is dead. A bad message is counted in `rejected`, never raised.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the connection and undo what this source left at the broker; must not raise, must not block over 1 s."""

    def bind(self, control: Control, level: Level) -> None:
        """Called once before `open`: what this deployment can ask, at its level."""

    def abilities(self, level: Level) -> Iterable[object]:
        """Objects that fulfil protocols of `control.py`, as far as `level` allows. They own their connections."""
        return ()

    def rejected(self) -> Mapping[str, int]:
        """Messages that could not become events, by reason, since start."""
        return {}

    def repaired(self) -> Mapping[str, int]:
        """Fields of events that were unusable and were replaced or left unknown, by name, since start."""
        return {}

    def asked(self) -> int | None:
        """Commands sent to the broker since start, those of the abilities it uses included; None: nobody counts."""
        return None

    def latency(self) -> float | None:
        """Seconds of the last round trip to the broker, None before the first."""
        return None

    def notice(self) -> str:
        """What this source leaves out while it works, in a sentence: a refused channel, a reached bound. "" for all."""
        return ""

    def silence(self) -> float:
        """Seconds since the line last proved alive (data, or an answer to a probe): where a gap begins."""
        return 0.0

    def lost_because(self) -> str:
        """Asked once the line is back: why it was lost, where that is known better now than when it broke."""
        return ""

    def refresh(self) -> None:
        """Fresh numbers are wanted now (F5, or a gap that has ended): make the next `read` ask again.

        Thread-safe, returns at once.
        """

    def focus(self, topics: frozenset[str]) -> None:
        """What the screen shows now, as `worker:<hostname>`, `queue:<name>`, `view:<id>`: poll that, rest otherwise.

        Also `met:<hostname>` for each worker known from any source, `quiet:<hostname>` where no task events come,
        `named:<queue>` for queues that workers or events name.
        """
