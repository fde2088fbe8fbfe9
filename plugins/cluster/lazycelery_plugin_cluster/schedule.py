"""Which worker is asked what next? Gently: one directed question at a time, in turn, less often where nobody answers.

Every inspect call runs inside the worker's consumer loop, so questions are only asked for what a screen shows or what
events can't tell, never faster than PACE, and a silent worker is asked half as often each time. Only the first question
of each kind goes to several workers at once: those that have just been met.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

PACE = 0.5  # s between two questions to anybody
PING = 10.0  # s between two censuses (one broadcast)
PING_WHILE_CHANGING = 2.0  # s, until two in a row name the same workers: a deployment that starts, or restarts
OFTEN, LESS_OFTEN, SELDOM, RARE = 5.0, 10.0, 30.0, 300.0  # s
BACK_OFF_LIMIT = 300.0  # s; a mute worker is asked at least this often
NAMES_KEPT = 5_000  # workers; a flood of node names must not grow the schedule

TASKS = ("active", "reserved", "scheduled")


TOGETHER = 50  # workers that are asked for the first time in one message


@dataclass(frozen=True, slots=True)
class Question:
    """One inspect command for one worker."""

    command: str
    hostname: str


@dataclass(frozen=True, slots=True)
class Round:
    """One inspect command for the workers named."""

    command: str
    hostnames: tuple[str, ...]


def period(command: str, hostname: str, topics: frozenset[str]) -> float | None:
    """Seconds between two such questions with this on the screen; None: asked once and not again."""
    shown = f"worker:{hostname}" in topics
    if command in TASKS:  # of most of them events tell
        return OFTEN if f"quiet:{hostname}" in topics else LESS_OFTEN if shown else None
    if command in ("stats", "active_queues"):
        often = OFTEN if command == "stats" else LESS_OFTEN
        return often if shown else SELDOM if topics & {"view:overview", "view:workers"} else None
    return SELDOM if shown and "view:workers" in topics else RARE if command == "conf" else None


FIRST = ("stats", "active_queues", *TASKS, "conf")  # once for every worker: what runs already, and what it consumes
SHOWN = ("registered", "revoked")  # only for the worker on the screen


class Schedule:
    """When each question was last asked and how often it went unanswered. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: dict[Question, float] = {}
        self._silent: dict[Question, int] = {}

    def next(self, workers: Collection[str], topics: frozenset[str], now: float) -> Round | None:
        """What is most overdue, None when nothing is due. Workers that were never asked are asked together."""
        for command in FIRST:
            fresh = [hostname for hostname in workers if Question(command, hostname) not in self._asked]
            if fresh:
                return Round(command, tuple(fresh[:TOGETHER]))
        due = [(self._due(question, topics), question) for question in self._wanted(workers, topics)]
        ready = [(when, question) for when, question in due if when is not None and when <= now]
        if not ready:
            return None
        question = min(ready, key=lambda pair: pair[0])[1]
        return Round(question.command, (question.hostname,))

    def _wanted(self, workers: Iterable[str], topics: frozenset[str]) -> Iterable[Question]:
        for hostname in workers:
            yield from (Question(command, hostname) for command in FIRST)
            if f"worker:{hostname}" in topics:
                yield from (Question(command, hostname) for command in SHOWN)

    def _due(self, question: Question, topics: frozenset[str]) -> float | None:
        last = self._asked.get(question)
        if last is None:
            return float("-inf")
        every = period(question.command, question.hostname, topics)
        if question.command in SHOWN and every is None:
            every = SELDOM
        if every is None and not self._silent.get(question):
            return None
        back_off: int = 2 ** min(self._silent.get(question, 0), 10)
        return last + min(BACK_OFF_LIMIT, (every or OFTEN) * back_off)

    def asked(self, question: Question, now: float, answered: bool) -> None:
        """Write down that it was asked, and whether an answer came."""
        if len(self._asked) >= NAMES_KEPT * len(FIRST):
            self.forget_all()
        self._asked[question] = now
        self._silent[question] = 0 if answered else self._silent.get(question, 0) + 1

    def forget(self, hostname: str) -> None:
        """The worker was restarted: everything about it is asked anew."""
        for question in [each for each in self._asked if each.hostname == hostname]:
            del self._asked[question]
            self._silent.pop(question, None)

    def forget_all(self) -> None:
        """The user asked for fresh answers."""
        self._asked.clear()
        self._silent.clear()
