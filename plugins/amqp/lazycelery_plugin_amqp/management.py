"""What does RabbitMQ's management plugin tell? Queues, consumers, exchanges, bindings, alarms; typed, a page at a time.

Its numbers are up to five seconds old (`collect_statistics_interval`), so it is not asked more often; alarms are known
at once, and looked for more often. Where it is not there or refuses, `trouble` says so in a sentence and everything
else goes on without it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_plugin_amqp.alarms import COLUMNS as COLUMNS_OF_NODES
from lazycelery_plugin_amqp.alarms import Alarms, ApiNode
from lazycelery_plugin_amqp.http_api import Api, Place

PERIOD = 5.0  # s: RabbitMQ's own pace
ALARMS = 1.5  # s: alarms are told within three seconds; their check is tiny
ROADS = 15.0  # s: exchanges, bindings and consumers are long lists that seldom change
AGAIN = 15.0  # s after a failure
REFUSED = 60.0  # s after a refusal: nobody changes rights every few seconds
PAGE = 500
PAGES = 4
COLUMNS = (
    "name,type,state,messages_ready,messages_unacknowledged,consumers,arguments,effective_policy_definition,policy,"
    "memory,head_message_timestamp,durable,exclusive,auto_delete,backing_queue_status.priority_lengths,"
    "message_stats.publish,message_stats.deliver_get,message_stats.ack,message_stats.redeliver"
)
T = TypeVar("T")


class Stats(msgspec.Struct):
    """What has happened in a queue so far, messages; a thing that never happened is missing."""

    publish: int = 0
    deliver_get: int = 0
    ack: int = 0
    redeliver: int = 0


class Backing(msgspec.Struct):
    """How a classic queue keeps its messages: those of each priority where it has some."""

    priority_lengths: dict[str, int] = msgspec.field(default_factory=dict)


class ApiQueue(msgspec.Struct):
    """A queue. Numbers are None while there are none: a new queue, statistics switched off."""

    name: str
    type: str = "classic"
    state: str = ""
    messages_ready: int | None = None
    messages_unacknowledged: int | None = None
    consumers: int | None = None
    arguments: dict[str, Any] | list[Any] | None = None  # an empty table may come as a list
    effective_policy_definition: dict[str, Any] | list[Any] | None = None
    policy: str | None = None
    memory: int | None = None
    head_message_timestamp: int | str | None = None
    durable: bool = True
    exclusive: bool | None = False
    auto_delete: bool = False
    backing_queue_status: Backing | list[Any] | None = None
    message_stats: Stats | list[Any] | None = None


class ApiExchange(msgspec.Struct):
    """An exchange."""

    name: str
    type: str = ""
    durable: bool = True
    arguments: dict[str, Any] | list[Any] | None = None


class ApiBinding(msgspec.Struct):
    """A binding."""

    source: str
    destination: str
    destination_type: str = "queue"
    routing_key: str = ""


class _Named(msgspec.Struct):
    name: str = ""


class ApiConsumer(msgspec.Struct):
    """A consumer of a queue."""

    queue: _Named
    prefetch_count: int = 0
    channel_details: _Named | list[Any] | None = None


class ApiChannel(msgspec.Struct):
    """A channel; its limit holds for all its consumers together."""

    name: str
    global_prefetch_count: int = 0


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total_count: int = 0


class _Overview(msgspec.Struct):
    rates_mode: str = "basic"
    disable_stats: bool = False
    rabbitmq_version: str = ""


class Management:
    """Asks the first place that answers. `queues` and the rest are as they were told last, `trouble` why they are not.

    places: in order of preference; it may raise the error that there is none. virtual_host: whose queues are wanted.
    """

    def __init__(self, places: Callable[[], Sequence[Place]], virtual_host: str) -> None:
        self._places, self._vhost = places, quote(virtual_host, safe="")
        self._api: Api | None = None
        self._asked = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew: the broker may be another one now."""
        self.close()
        self.queues: dict[str, ApiQueue] = {}
        self.total = self.unread = 0
        self.exchanges: list[ApiExchange] = []
        self.bindings: list[ApiBinding] = []
        self.prefetch: dict[str, list[int]] = {}
        self._alarms = Alarms()
        self.has_rates = False
        self.version = ""
        self.trouble = "the management API was not asked yet"
        self.roads_are_new = False  # whether the last step read exchanges, bindings and consumers too
        self._due = self._alarms_due = self._roads_due = 0.0

    @property
    def alarms(self) -> tuple[str, ...]:
        """What is wrong with the nodes, a sentence each."""
        return self._alarms.sentences

    @property
    def works(self) -> bool:
        """Whether what is held is what the broker tells."""
        return not self.trouble

    @property
    def asked(self) -> int:
        """Questions since start."""
        return self._asked + (self._api.asked if self._api is not None else 0)

    def hurry(self) -> None:
        """Ask for everything with the next `step`."""
        self._due = self._roads_due = 0.0

    def close(self) -> None:
        """Hang up."""
        api, self._api = self._api, None
        if api is not None:
            self._asked += api.asked
            api.close()

    def step(self, now: float) -> bool:
        """Ask anew for what it is time to ask; whether the lists are new. now: monotonic."""
        self.roads_are_new = False
        if now < self._due and (now < self._alarms_due or not self.works):
            return False
        try:
            return self._asked_anew(self._opened(), now)
        except LazyCeleryError as error:
            self.close()
            self._due = now + (REFUSED if isinstance(error, AccessRefused) else AGAIN)
            self.trouble = str(error)
        return True

    def _asked_anew(self, api: Api, now: float) -> bool:
        self._alarms_due = now + ALARMS
        if now < self._due:
            self._alarms.look(api)
            return False
        self._due = now + PERIOD
        self._read(api, now)
        return True

    def _opened(self) -> Api:
        """The API that answers, asked before or found now. Raises the trouble of the first place."""
        if self._api is not None:
            return self._api
        troubles: list[LazyCeleryError] = []
        for place in self._places():
            api = Api(place)
            try:
                self._greet(api)
            except LazyCeleryError as error:
                troubles.append(error)
                self._asked += api.asked
                api.close()
            else:
                self._api = api
                return api
        raise troubles[0] if troubles else SourceError("No management API is known.", "Set management_url.")

    def _greet(self, api: Api) -> None:
        overview = _decoded(api, "/api/overview?columns=rates_mode,disable_stats,rabbitmq_version", _Overview)
        self.has_rates = overview.rates_mode != "none" and not overview.disable_stats
        self.version = overview.rabbitmq_version

    def _read(self, api: Api, now: float) -> None:
        self.queues = self._all_queues(api)
        self._alarms.learn(_nodes(api))
        self._alarms.look(api)
        if now >= self._roads_due:
            self._read_roads(api)
            self._roads_due, self.roads_are_new = now + ROADS, True
        self.trouble = ""

    def _read_roads(self, api: Api) -> None:
        self.exchanges = self._list(api, "exchanges", "name,type,durable,arguments", ApiExchange)
        self.bindings = self._list(api, "bindings", "source,destination,destination_type,routing_key", ApiBinding)
        self.prefetch = self._prefetch(api)

    def _all_queues(self, api: Api) -> dict[str, ApiQueue]:
        found: dict[str, ApiQueue] = {}
        self.unread = 0
        for number in range(1, PAGES + 1):
            path = f"/api/queues/{self._vhost}?page={number}&page_size={PAGE}&columns={COLUMNS}"
            page = _decoded(api, path, _Page)
            read = _each(page.items, ApiQueue)
            self.unread += len(page.items) - len(read)
            found |= {queue.name: queue for queue in read}
            self.total = page.total_count
            if number * PAGE >= page.total_count or not page.items:
                break
        return found

    def _prefetch(self, api: Api) -> dict[str, list[int]]:
        """queue -> how much each consumer may hold, 0 for no limit. Celery sets its limit for a whole channel."""
        channels = _each(
            _decoded(api, f"/api/vhosts/{self._vhost}/channels?columns=name,global_prefetch_count", list[msgspec.Raw]),
            ApiChannel,
        )
        limits = {channel.name: channel.global_prefetch_count for channel in channels}
        found: dict[str, list[int]] = {}
        for each in self._list(api, "consumers", "queue.name,prefetch_count,channel_details.name", ApiConsumer):
            channel = each.channel_details.name if isinstance(each.channel_details, _Named) else ""
            if channel in limits:
                found.setdefault(each.queue.name, []).append(each.prefetch_count or limits[channel])
        return found

    def _list(self, api: Api, what: str, columns: str, kind: type[T]) -> list[T]:
        return _each(_decoded(api, f"/api/{what}/{self._vhost}?columns={columns}", list[msgspec.Raw]), kind)


def _nodes(api: Api) -> list[ApiNode]:
    """The nodes of the cluster; [] too where the user may not see them."""
    try:
        return _each(_decoded(api, f"/api/nodes?columns={COLUMNS_OF_NODES}", list[msgspec.Raw]), ApiNode)
    except AccessRefused:
        return []


def _decoded(api: Api, path: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(api.get(path), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        hint = "Is management_url right?"
        raise SourceError(
            f"The management API at {api.place.shown} answers in a way that is not understood.", hint
        ) from None


def _each(items: Sequence[msgspec.Raw], kind: type[T]) -> list[T]:
    """Those that are as they should be; an odd one is left out and costs nobody else anything."""
    read = []
    for item in items:
        try:
            read.append(msgspec.json.decode(item, type=kind))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return read
