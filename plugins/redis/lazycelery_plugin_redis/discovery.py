"""Which queues are there? A slow, bounded search that never asks for more than a thousand keys at once.

Binding sets name the queues of every exchange, also empty ones; a queue that somebody filled without binding it is
found as a list whose next message is Celery's. Events, remote control and reply lists are left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from lazycelery_core.model import Binding, Endpoint, Exchange, Routing
from lazycelery_core.payload import PayloadError
from lazycelery_plugin_redis.envelope import opened
from lazycelery_plugin_redis.layout import DEFAULT_EXCHANGE, Layout
from lazycelery_plugin_redis.line import Command, Line

PERIOD = 15.0  # s between two passes over the key space
EAGER = 1.0  # s, while something changes: workers that start bind their queues one after the other
CALM = 3  # passes in a row that found nothing new
SCAN = 1000  # keys a SCAN step looks at: 2.6 ms of the server at a million keys
FIRST, THEN = 20, 2  # SCAN steps of the first turn, and of each later one: a pass over a huge key space takes its time
JUDGED = 20  # unknown lists whose next message is looked at, a SCAN step
MEMBERS = 5000  # bindings read of one exchange
QUEUES = 2000  # queues watched; beyond that the poll itself would be a load


class Discovery:
    """`queues` are the known names; `step(now)` looks a little further and returns those that are gone."""

    def __init__(self, line: Line, layout: Layout, names: Sequence[str]) -> None:
        self._line, self._layout = line, layout
        self._pinned = frozenset(names)
        self.queues: set[str] = set(names)
        self._bindings: dict[str, list[tuple[str, str, str]]] = {}
        self._unbound: set[str] = set()
        self._judged: dict[str, bool] = {}
        self._left_out = 0
        self._exchanges = {DEFAULT_EXCHANGE, *names}
        self._due = 0.0
        self._scans: list[_Scan] = []
        self._found: set[str] = set()
        self._fresh, self._calm = True, 0
        self._before: frozenset[str] = frozenset()

    def start(self) -> None:
        """Forget the pace, not the findings: called when the line was opened."""
        self._due, self._scans, self._fresh, self._calm = 0.0, [], True, 0

    def notice(self) -> str:
        """What is not looked at, "" for nothing."""
        return f"{self._left_out:,} queues beyond the first {QUEUES:,} are not counted" if self._left_out > 0 else ""

    def hurry(self) -> None:
        """Begin the next pass at once."""
        self._due, self._fresh = 0.0, True

    def binding(self, queue: str) -> tuple[str, str]:
        """The (exchange, routing key) that lead to a queue, the first found; empty for none."""
        for exchange, bindings in self._bindings.items():
            for key, _, name in bindings:
                if name == queue:
                    return exchange, key
        return "", ""

    def targets(self, exchange: str, key: str) -> list[str]:
        """The queues that a message with this exchange and routing key went to."""
        if not exchange:
            return [key]
        bound = self._bindings.get(exchange, [])
        hits = [name for bound_key, pattern, name in bound if _matches(bound_key, pattern, key)]
        return hits or ([key] if key in self.queues else [])

    @property
    def size(self) -> tuple[int, int]:
        """How many bindings and queues are known: a cheap sign that something changed."""
        return sum(map(len, self._bindings.values())), len(self.queues)

    def routing(self, at: float) -> Routing:
        """All that is bound. at: Unix seconds. Redis keeps no type of an exchange: patterns are those of topics."""
        bound = {name: members for name, members in sorted(self._bindings.items()) if members}
        exchanges = [Exchange(name, "topic" if any(pattern for _, pattern, _ in members) else "")
                     for name, members in bound.items()]  # fmt: skip
        bindings = [Binding(name, queue, key) for name, members in bound.items() for key, _, queue in members
                    if not self._layout.is_internal(queue)]  # fmt: skip
        return Routing(tuple(exchanges), tuple(bindings), tuple(Endpoint(name) for name in sorted(self.queues)), at)

    def step(self, now: float) -> list[str]:
        """Known bindings again every PERIOD, a few SCAN steps; after a whole pass the names of queues that are gone."""
        if now >= self._due:
            self._due = now + (PERIOD if self._calm >= CALM else EAGER)
            self._read_exchanges(self._exchanges)
            self._scans = self._scans or [_Scan(self._layout.bindings("*")), _Scan(None, "list")]
        budget, self._fresh = FIRST if self._fresh else THEN, False
        while self._scans and budget:
            budget -= 1
            self._advance(self._scans[0])
            if self._scans[0].cursor == 0:
                self._scans.pop(0)
                if not self._scans:
                    return self._settle()
        return []

    def _advance(self, scan: "_Scan") -> None:
        answer = self._line.ask_all([scan.command()])[0]
        if isinstance(answer, Exception):
            scan.cursor = 0  # no right to SCAN: queues are known by their bindings
            return
        scan.cursor = int(answer[0])
        keys = [key.decode(errors="surrogateescape") for key in answer[1]]
        if scan.kind == "list":
            self._take_lists(keys)
        else:
            prefix = self._layout.bindings("")
            self._read_exchanges({key[len(prefix) :] for key in keys} - self._exchanges)

    def _read_exchanges(self, exchanges: Iterable[str]) -> None:
        wanted = sorted(each for each in exchanges if not self._layout.is_internal(each))
        answers = self._line.ask_all([("SMEMBERS", self._layout.bindings(each)) for each in wanted]) if wanted else []
        for exchange, members in zip(wanted, answers, strict=True):
            self._exchanges.add(exchange)
            if not isinstance(members, Exception):
                self._bindings[exchange] = self._parsed(members)
        self._learn()

    def _parsed(self, members: Iterable[bytes]) -> list[tuple[str, str, str]]:
        texts = [member.decode(errors="surrogateescape") for member in members]
        split = [tuple(text.split(self._layout.sep)) for text in sorted(texts)[:MEMBERS]]
        return [(each[0], each[1], each[2]) for each in split if len(each) == 3]

    def _take_lists(self, keys: Sequence[str]) -> None:
        lists = {
            name: key for key in keys if (name := self._layout.queue_of(key)) and not self._layout.is_internal(name)
        }
        self._found |= lists.keys()
        unknown = sorted(lists.keys() - self.queues - self._judged.keys())[:JUDGED]
        self._judge({name: lists[name] for name in unknown})
        self._unbound |= {name for name in lists if self._judged.get(name)}
        self._learn()

    def _judge(self, lists: Mapping[str, str]) -> None:
        """Whether lists that nobody bound hold Celery's messages: the next one tells."""
        if len(self._judged) > QUEUES:
            self._judged.clear()
        heads = self._line.ask_all([("LINDEX", key, -1) for key in lists.values()]) if lists else []
        self._judged |= {
            name: isinstance(head, bytes) and _is_task(head) for name, head in zip(lists, heads, strict=True)
        }

    def _learn(self) -> None:
        bound = {name for bindings in self._bindings.values() for _, _, name in bindings}
        known = sorted(name for name in bound | self._unbound if not self._layout.is_internal(name))
        self.queues |= set(known[:QUEUES])
        self._left_out = len(known) - QUEUES

    def _settle(self) -> list[str]:
        """After a whole pass: what is neither bound nor a list any more is gone."""
        bound = {name for bindings in self._bindings.values() for _, _, name in bindings}
        self._unbound &= self._found
        gone = self.queues - self._pinned - bound - self._unbound
        self.queues -= gone
        self._found = set()
        self._calm = self._calm + 1 if self.queues == self._before else 0
        self._before = frozenset(self.queues)
        return sorted(gone)


class _Scan:
    """A walk over the key space, one step at a time."""

    def __init__(self, match: str | None, kind: str = "") -> None:
        self.match, self.kind, self.cursor = match, kind, 0

    def command(self) -> Command:
        match = ("MATCH", self.match) if self.match else ()
        kind = ("TYPE", self.kind) if self.kind else ()
        return ("SCAN", self.cursor, *match, "COUNT", SCAN, *kind)


def _is_task(payload: bytes) -> bool:
    try:
        envelope = opened(payload)
    except PayloadError:
        return False
    return "delivery_tag" in envelope.properties


def _matches(bound_key: str, pattern: str, key: str) -> bool:
    """kombu's own rule: the key itself, or for topic exchanges the regular expression stored with it."""
    if not pattern:
        return bound_key == key
    words = [{"#": ".*?", "*": ".*?[^.]"}.get(word, re.escape(word)) for word in bound_key.split(".")]
    return re.fullmatch(r"\.".join(words), key) is not None
