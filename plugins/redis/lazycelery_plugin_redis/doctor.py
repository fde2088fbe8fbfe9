"""What works on this connection, what does not, and which right is missing?

Each thing the program needs is tried once, in the order in which it needs it. Nothing is written; workers are asked
only where the level allows it.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from lazycelery_core.control import Finding
from lazycelery_core.errors import AccessRefused, LazyCeleryError
from lazycelery_plugin_redis.address import Address
from lazycelery_plugin_redis.layout import DEFAULT_EXCHANGE, Layout
from lazycelery_plugin_redis.line import Command, Line
from lazycelery_plugin_redis.pidbox import Inspector
from lazycelery_plugin_redis.stream import RedisStream

LISTEN = 4.5  # s; Celery's workers send a heartbeat every 2 s, and one may be late
SLICE = 0.25  # s


class Doctor:
    """Diagnoses one connection. ask: whether workers may be asked."""

    def __init__(self, address: Address, layout: Layout, ask: bool) -> None:
        self._address, self._layout, self._ask = address, layout, ask

    def diagnose(self) -> Iterator[Finding]:
        """As `Diagnoses.diagnose`."""
        line = Line(self._address)
        try:
            yield (reached := _tried(self._reach(), lambda: self._greeting(line)))
            if reached.ok:
                yield from self._server(line)
                yield from self._reads(line)
                yield from self._hears()
                yield from self._asks()
        finally:
            line.close()

    def _reach(self) -> str:
        return f"connect to {self._address.shown}, database {self._address.db}"

    def _greeting(self, line: Line) -> str:
        line.open()
        tls = self._address.tls
        how = (
            "no TLS" if tls is None else "TLS, certificate verified" if tls.verify else "TLS, certificate NOT verified"
        )
        return f"user {self._address.user}, {how}, {1000 * (line.latency or 0):.1f} ms"

    def _server(self, line: Line) -> Iterator[Finding]:
        """Version, memory, and whether this is the database where Celery is."""
        info = line.ask_all([("INFO",)])[0]
        if not isinstance(info, bytes):
            yield Finding("ask for the server's version", False, "", "+info", "Only this report needs it.")
            return
        facts = dict(re.findall(r"^([\w-]+):([^\r\n]*)", info.decode(errors="replace"), re.MULTILINE))
        name = "Valkey" if "valkey_version" in facts else "Redis"
        version = facts.get("valkey_version") or facts.get("redis_version", "?")
        yield Finding("server", True, f"{name} {version}, {facts.get('role', '?')}")
        yield _memory(facts)
        yield from self._database(line, facts)

    def _database(self, line: Line, facts: dict[str, str]) -> Iterator[Finding]:
        bound = line.ask_all([("EXISTS", self._layout.bindings(DEFAULT_EXCHANGE))])[0]
        others = sorted(db for db in facts if re.fullmatch(r"db\d+", db) and db != f"db{self._address.db}")
        if bound == 0:
            hint = f"Keys are in {', '.join(others)}: is it one of these?" if others else "Has a worker run here yet?"
            yield Finding("find Celery's queues in this database", False, "no bindings of Celery", "", hint)

    def _reads(self, line: Line) -> Iterator[Finding]:
        """Every read that a screen needs, on the default queue."""
        layout = self._layout
        queue = layout.buckets("celery")[0]
        wanted: list[tuple[str, Command]] = [
            ("count waiting messages", ("LLEN", queue)),
            ("look into queues", ("LRANGE", queue, -1, -1)),
            ("read queue names", ("SMEMBERS", layout.bindings(DEFAULT_EXCHANGE))),
            ("search queues", ("SCAN", 0, "MATCH", layout.bindings("*"), "COUNT", 10)),
            ("count unacknowledged messages", ("HLEN", layout.unacked_key)),
            ("tell them apart by queue", ("HSCAN", layout.unacked_key, 0, "COUNT", 1)),
            ("read stored results", ("STRLEN", layout.result_key("none"))),
        ]
        for what, command in wanted:
            yield _tried(what, lambda command=command: _told(line.ask(*command)))  # type: ignore[misc]

    def _hears(self) -> Iterator[Finding]:
        """Whether events may be heard, and whether any come."""
        layout = self._layout
        events = RedisStream("events", Line(self._address), layout.event_channel, layout.result_channel)
        try:
            yield (heard := _tried(f"hear events ({layout.event_channel})", lambda: _opened(events)))
            if events.refused:
                yield Finding(f"hear results ({layout.result_channel})", False, "", events.refused, _OPTIONAL)
            if heard.ok:
                seconds = _first_event(events)
                told = "none" if seconds is None else f"the first after {seconds:.1f} s"
                hint = (
                    "No worker, workers without heartbeats, or another database or prefix." if seconds is None else ""
                )
                yield Finding("events arrive", seconds is not None, told, "", hint)
        finally:
            events.close()

    def _asks(self) -> Iterator[Finding]:
        if not self._ask:
            yield Finding("ask workers", True, "not tried: the passive level publishes nothing")
            return
        inspector = Inspector(self._address, self._layout)
        try:
            yield _tried("ask workers", lambda: _pinged(inspector))
        finally:
            inspector.close()


_OPTIONAL = "Without it tasks are seen only by workers that send task events."


def _first_event(events: RedisStream) -> float | None:
    """Seconds until something was heard, None if nothing was within LISTEN."""
    started = time.monotonic()
    while (seconds := time.monotonic() - started) < LISTEN:
        if events.read(SLICE):
            return seconds
    return None


def _tried(what: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, attempt())
    except AccessRefused as error:
        return Finding(what, False, error.message, error.right, error.hint)
    except LazyCeleryError as error:
        return Finding(what, False, error.message, "", error.hint)


def _told(answer: Any) -> str:
    return f"{answer:,}" if isinstance(answer, int) else ""


def _opened(events: RedisStream) -> str:
    events.open()
    return ""


def _pinged(inspector: Inspector) -> str:
    replies = inspector.inspect("ping")
    return f"{replies.listeners} listening, {len(replies.nodes)} answered"


def _memory(facts: dict[str, str]) -> Finding:
    policy = facts.get("maxmemory_policy", "noeviction")
    limited = facts.get("maxmemory", "0") != "0"
    evicts = limited and policy != "noeviction"
    hint = "Redis may throw away queues: Celery needs maxmemory-policy noeviction." if evicts else ""
    return Finding("memory policy", not evicts, f"{policy}, {facts.get('used_memory_human', '?')} used", "", hint)
