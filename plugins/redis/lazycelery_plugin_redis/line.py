"""One connection to Redis: connect, ask, and never wait longer than promised.

redis-py's `Connection` does URL parts, TLS, ACL and Sentinel; its pools, retries, RESP3 and `PubSub` stay out: they
cost more than the answer, and with RESP3 pub/sub messages arrive where `read_response` does not return them.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis
import redis.connection

from lazycelery_core.errors import LazyCeleryError, SourceError
from lazycelery_plugin_redis.address import Address, Tls
from lazycelery_plugin_redis.troubles import silent, told

CONNECT = 1.5  # s for a connection or a TLS handshake; longer is down for somebody who watches
ANSWER = 1.0  # s for an answer, and between two pieces of one
NAME = "lazycelery"
READ_SIZE = 1 << 15  # bytes a read; a burst in few system calls, and still in the CPU's caches (256 KiB cost 15 % more)

Command = tuple[str | bytes | int | float, ...]
DRIVER_ERRORS = (redis.RedisError, OSError)


class Line:
    """A connection that is opened on first use. Not for two threads at once: see `Shared`."""

    def __init__(self, address: Address, db: int | None = None, answer: float = ANSWER) -> None:
        self.address, self._first, self._answer = address, address, answer
        self._db = address.db if db is None else db
        self._connection: Any = None
        self._met = False  # whether it has answered like Redis
        self.latency: float | None = None
        self.asked = 0  # commands sent since start

    @property
    def connection(self) -> Any:
        """The driver's connection, opened."""
        if self._connection is None:
            self.open()
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as known."""
        return self._connection is not None

    def open(self, limit: float = CONNECT) -> None:
        """Connect, log in, choose the database, say our name. Raises SourceError or AccessRefused.

        limit: seconds for the connection and the first answer. Of several addresses the first that works is taken; the
        error is that of the first.
        """
        self.close()
        troubles: list[LazyCeleryError] = []
        for address in (self._first, *self._first.others):
            try:
                self.address = address
                return self._open(address, limit)
            except LazyCeleryError as error:
                troubles.append(error)
        self.address = self._first
        raise troubles[0]

    def _open(self, address: Address, limit: float) -> None:
        deadline, self._met = time.monotonic() + limit, False
        connection = _connection(address, self._db, self._answer, limit)
        try:
            connection.connect()
            self._connection = connection
            self._greet(deadline)
            self._met = True
        except (*DRIVER_ERRORS, LazyCeleryError) as error:
            connection.disconnect()
            self._connection = None
            raise told(error, address, "SELECT" if self._db else "PING") from None

    def _greet(self, deadline: float) -> None:
        """The first answer proves that this is Redis; our name in CLIENT LIST is a courtesy that may be refused."""
        begun = time.monotonic()
        self.send("PING")
        self.send("CLIENT", "SETNAME", NAME)
        if not self.readable(deadline - begun):
            where = self.address.shown
            raise SourceError(f"{where} takes connections but says nothing.", "Is it a Redis server? It may also hang.")
        answer = self.reply()
        self.latency = time.monotonic() - begun
        if isinstance(answer, Exception):
            raise answer
        self.reply()

    def drop_if_stale(self) -> None:
        """Forget a connection that the server has closed since it was last used; the next question opens a new one."""
        try:
            stale = self.is_open and self.readable(0)
        except LazyCeleryError:
            return
        if stale:
            self.close()  # nothing was asked, so nothing may have come

    def close(self) -> None:
        """Hang up; does not raise."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def send(self, *command: str | bytes | float) -> None:
        """Send a command; its answer is the next `reply`."""
        self.asked += 1
        try:
            self.connection.send_command(*_encoded(command), check_health=False)
        except DRIVER_ERRORS as error:
            self.close()
            raise told(error, self.address, met=self._met) from None

    def readable(self, seconds: float) -> bool:
        """Whether something can be read within that time. Raises SourceError when the line is dead."""
        try:
            return bool(self.connection.can_read(max(0.0, seconds)))
        except DRIVER_ERRORS as error:
            self.close()
            raise told(error, self.address, met=self._met) from None

    def reply(self, timeout: float | None = None) -> Any:
        """The next answer; a refusal is returned, not raised. Raises SourceError when the line is dead."""
        limit = self._answer if timeout is None else timeout
        if not self.readable(limit):
            self.close()
            raise silent(self.address, limit)
        try:
            return self.connection.read_response(disconnect_on_error=False)
        except redis.ResponseError as refusal:
            return refusal
        except DRIVER_ERRORS as error:
            self.close()
            raise told(error, self.address, met=self._met) from None

    def more(self) -> Callable[[], Any]:
        """Gives answers that were read from the socket along with the last one; anything but a list: there is none.

        The driver has no word for that, hence its parts; where they are not as expected, every answer is a `reply`.
        """
        reader = getattr(getattr(self.connection, "_parser", None), "_reader", None)
        gets: Callable[[], Any] | None = getattr(reader, "gets", None)
        return gets or (lambda: None)

    def ask(self, *command: str | bytes | float) -> Any:
        """The answer to one command. Raises SourceError or AccessRefused."""
        return self.checked(self.ask_all([command])[0], command)

    def checked(self, answer: Any, command: Command) -> Any:
        """The same answer unless it is a refusal."""
        return checked(answer, command, self.address)

    def ask_all(self, commands: Sequence[Command], timeout: float | None = None) -> list[Any]:
        """Answers to commands sent in one go, in order; refusals stand in their place as exceptions.

        timeout: seconds that each answer may take, None for the usual ones.
        """
        connection = self.connection
        packed = connection.pack_commands([_encoded(command) for command in commands])
        begun = time.monotonic()
        self.asked += len(commands)
        try:
            connection.send_packed_command(packed, check_health=False)
        except DRIVER_ERRORS as error:
            self.close()
            raise told(error, self.address, met=self._met) from None
        answers = [self.reply(timeout) for _ in commands]
        self.latency = time.monotonic() - begun
        return answers


class Shared:
    """A line that several threads may use in turn; it comes back by itself after a failure."""

    def __init__(self, address: Address, db: int | None = None) -> None:
        self._line, self._lock = Line(address, db), threading.Lock()
        self.address = address

    @property
    def asked(self) -> int:
        """Commands sent since start."""
        return self._line.asked

    def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """As `Line.ask_all`."""
        with self._lock:
            self._line.drop_if_stale()
            return self._line.ask_all(commands)

    def ask(self, *command: str | bytes | float) -> Any:
        """As `Line.ask`."""
        with self._lock:
            self._line.drop_if_stale()
            return self._line.ask(*command)

    def checked(self, answer: Any, command: Command) -> Any:
        """As `Line.checked`."""
        return checked(answer, command, self.address)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._line.close()


def checked(answer: Any, command: Command, address: Address) -> Any:
    """The answer, unless it is a refusal: that is raised, with the right that is missing."""
    if isinstance(answer, Exception):
        verb, key = str(command[0]), str(command[1]) if len(command) > 1 else ""
        raise told(answer, address, verb, key) from None
    return answer


def _encoded(command: Command) -> Command:
    """The command with its names as the bytes they came as.

    Anybody may name a key or a task in bytes that are no UTF-8 (read with `surrogateescape`), or in JSON's surrogates.
    """
    return tuple(part if not isinstance(part, str) or part.isascii() else _bytes_of(part) for part in command)


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _connection(address: Address, db: int, answer: float, limit: float) -> Any:
    if address.sentinels:
        address = _master(address, limit)
    options: dict[str, Any] = {
        "db": db, "username": address.username, "password": address.password, "protocol": 2, "socket_timeout": answer,
        "socket_connect_timeout": limit, "socket_read_size": READ_SIZE, "health_check_interval": 0, **_anonymous(),
    }  # fmt: skip
    if address.path:
        return _driver("UnixDomainSocketConnection", path=address.path, **options)
    options |= {"host": address.host, "port": address.port}
    if address.tls is None:
        return _driver("Connection", **options)
    return _driver("SSLConnection", **options, **_tls(address.tls))


def _driver(kind: str, **options: Any) -> Any:
    """One of the driver's connections, whose classes are not typed."""
    made: Any = getattr(redis.connection, kind)
    return made(**options)


def _anonymous() -> dict[str, Any]:
    """The options that keep the driver from introducing itself: a command that old servers and tight rights refuse."""
    return {"driver_info": None} if hasattr(redis, "DriverInfo") else {"lib_name": None, "lib_version": None}


def _tls(tls: Tls) -> dict[str, Any]:
    for path in (tls.ca, tls.certificate, tls.key):
        if path and not Path(path).is_file():
            raise SourceError(f"There is no certificate file {path}.", "Check the path in the URL or the settings.")
    return {
        "ssl_cert_reqs": "required" if tls.verify else "none", "ssl_check_hostname": tls.verify and tls.check_hostname,
        "ssl_ca_certs": tls.ca, "ssl_certfile": tls.certificate, "ssl_keyfile": tls.key,
    }  # fmt: skip


def _master(address: Address, limit: float) -> Address:
    """The master as the first sentinel that answers names it."""
    from dataclasses import replace

    for host, port in address.sentinels:
        asked = replace(
            address, host=host, port=port, sentinels=(), username=address.sentinel_username,
            password=address.sentinel_password,
        )  # fmt: skip
        line = Line(asked, db=0, answer=limit)
        try:
            line.open(limit)
            found = line.ask("SENTINEL", "get-master-addr-by-name", address.master)
        except LazyCeleryError:
            continue
        finally:
            line.close()
        if found:
            return replace(address, host=found[0].decode(), port=int(found[1]), sentinels=())
        raise SourceError(f"The sentinel at {host}:{port} knows no master {address.master}.", "Check `master_name`.")
    raise SourceError("No sentinel answers.", "Are they running, and are the ports right?")
