"""Which alarms of RabbitMQ's nodes stop its publishers? Told by the management API, as fresh as it can be had.

What a node tells of itself is as old as all its statistics, five seconds or more. The check of alarms for monitoring
systems looks at that very moment, costs next to nothing, and is there from RabbitMQ 3.8 on; so it says whether there
is an alarm, and the node itself how much memory or disk is left.
"""

from collections.abc import Iterator, Sequence

import msgspec

from lazycelery_core.text import safe, size
from lazycelery_plugin_amqp.http_api import Api

CHECK = "/api/health/checks/alarms"
COLUMNS = "name,running,mem_alarm,disk_free_alarm,mem_used,mem_limit,disk_free,disk_free_limit,partitions"
ALARMED = 503  # HTTP status of a check that found something
MEMORY, DISK = "memory", "disk"
MOST = 20  # alarms that are told


class ApiNode(msgspec.Struct):
    """A node of the cluster."""

    name: str
    running: bool = True
    mem_alarm: bool = False
    disk_free_alarm: bool = False
    mem_used: int | None = None
    mem_limit: int | None = None
    disk_free: int | None = None
    disk_free_limit: int | None = None
    partitions: list[str] = []


class _Alarm(msgspec.Struct):
    node: str = ""
    resource: str = ""


class _Checked(msgspec.Struct):
    status: str = ""
    alarms: list[_Alarm] = []


class Alarms:
    """What is wrong with the nodes. `sentences` are of the last look."""

    def __init__(self) -> None:
        self.sentences: tuple[str, ...] = ()
        self._nodes: Sequence[ApiNode] = ()
        self._has_check = True

    def learn(self, nodes: Sequence[ApiNode]) -> None:
        """What the nodes told of themselves; () too where the user may not see them."""
        self._nodes = nodes

    def look(self, api: Api) -> None:
        """Ask whether there are any. Raises SourceError."""
        raised = self._raised(api) if self._has_check else None
        self.sentences = tuple(_sentences(self._nodes, raised))

    def _raised(self, api: Api) -> set[tuple[str, str]] | None:
        """(node, resource) of each alarm; None where the broker is too old, or does not let us check."""
        status, body = api.ask(CHECK)
        try:
            if status in (200, ALARMED):
                told = msgspec.json.decode(body, type=_Checked)
                return {(alarm.node, alarm.resource) for alarm in told.alarms[:MOST]}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # a proxy's word
        self._has_check = False
        return None


def _sentences(nodes: Sequence[ApiNode], raised: set[tuple[str, str]] | None) -> Iterator[str]:
    """raised: None to believe the nodes."""
    themselves = {(node.name, kind) for node in nodes for kind in (MEMORY, DISK) if _figures(node, kind)}
    known = {node.name: node for node in nodes}
    for name, kind in sorted(themselves if raised is None else raised):
        figures = _figures(known[name], kind) if name in known else ""
        yield f"{safe(kind.capitalize(), 20)} alarm on {safe(name, 60)}{figures}: publishers are blocked."
    for node in nodes:
        yield from _troubles(node)


def _figures(node: ApiNode, kind: str) -> str:
    """How bad it is, as far as the node itself knows of the alarm already."""
    if kind == MEMORY and node.mem_alarm:
        return f" ({size(node.mem_used)} of {size(node.mem_limit)})"
    if kind == DISK and node.disk_free_alarm:
        return f" ({size(node.disk_free)} free, {size(node.disk_free_limit)} wanted)"
    return ""


def _troubles(node: ApiNode) -> Iterator[str]:
    name = safe(node.name, 60)
    if not node.running:
        yield f"Node {name} is down."
    if node.partitions:
        yield f"{name} lost sight of {', '.join(safe(each, 60) for each in node.partitions[:5])}: partition."
