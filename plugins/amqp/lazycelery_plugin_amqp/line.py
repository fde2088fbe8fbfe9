"""One connection to RabbitMQ: connect, ask, and never wait longer than promised.

py-amqp does the protocol, TLS and login. It blocks, so each line belongs to one thread; `Shared` lets several take
turns. Every wait is bounded by the socket's own time limit, which the driver never lifts.
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import amqp

from lazycelery_core.errors import LazyCeleryError, SourceError
from lazycelery_plugin_amqp.address import Address, Tls
from lazycelery_plugin_amqp.troubles import DRIVER_ERRORS, told

CONNECT = 2.0  # s for each step of a connection; longer is down for somebody who watches
ANSWER = 2.0  # s for an answer, and between two pieces of one; a broker under load takes its time
GOODBYE = 0.5  # s for the broker to say that it has freed everything
NAME = "lazycelery"

Answer = TypeVar("Answer")
Question = Callable[[Any], Answer]  # gets an open py-amqp channel


class Line:
    """A connection that is opened on first use. Not for two threads at once: see `Shared`.

    purpose: shown in the broker's list of connections. answer: seconds, ANSWER unless it says otherwise.
    """

    def __init__(self, address: Address, purpose: str = "", answer: float = 0.0) -> None:
        self.address, self._first, self._answer = address, address, answer or ANSWER
        self._name = f"{NAME} {purpose}".strip()
        self._connection: Any = None
        self._channel: Any = None
        self._used = 0.0  # monotonic time at which something was last sent or heard
        self.latency: float | None = None
        self.asked = 0  # commands sent since start
        self.blocked = False  # whether the broker takes no messages from us: an alarm of memory or disk

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as known."""
        return self._connection is not None

    @property
    def connection(self) -> Any:
        """The driver's connection, opened."""
        if self._connection is None:
            self.open()
        return self._connection

    @property
    def channel(self) -> Any:
        """The channel that `ask` uses, opened."""
        if self._channel is None or self._channel.connection is None:
            self._channel = self.new_channel()
        return self._channel

    def new_channel(self) -> Any:
        """Another channel of the connection, for a purpose of its own."""
        return self._guarded(self._opened_channel)

    def _opened_channel(self) -> Any:
        return self.connection.channel()

    def open(self, limit: float = 0.0) -> None:
        """Connect and log in. Raises SourceError or AccessRefused.

        limit: seconds for each step, CONNECT unless it says otherwise. Of several addresses the first that works is
        taken; the error is the first one's.
        """
        self.close()
        troubles: list[LazyCeleryError] = []
        for address in self._first.all:
            try:
                self.address = address
                return self._open(address, limit or CONNECT)
            except LazyCeleryError as error:
                troubles.append(error)
        self.address = self._first
        raise troubles[0]

    def _open(self, address: Address, limit: float) -> None:
        begun, self.blocked = time.monotonic(), False
        connection = self._driver(address, limit)
        try:
            connection.connect()
            connection.transport.sock.settimeout(self._answer)
        except DRIVER_ERRORS as error:
            _hang_up(connection)
            raise told(error, address) from None
        self._connection, self._channel = connection, None
        self._used = time.monotonic()
        self.asked += 1
        self.latency = self._used - begun

    def _driver(self, address: Address, limit: float) -> Any:
        host = f"[{address.host}]" if ":" in address.host else address.host
        return amqp.Connection(
            f"{host}:{address.port}", userid=address.username, password=address.password, login_method=address.login,
            virtual_host=address.virtual_host, ssl=_tls(address.host, address.tls) if address.tls else False,
            connect_timeout=limit, socket_settings=self._socket_settings(), heartbeat=address.heartbeat,
            on_blocked=self._on_blocked, on_unblocked=self._on_unblocked,
            client_properties={"product": NAME, "connection_name": self._name},
        )  # fmt: skip

    def _socket_settings(self) -> dict[int, int]:
        """Linux can tell by itself that nobody takes what was sent; the driver's one second is short for a far line."""
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        return {} if option is None else {option: int(self._answer * 1000)}

    def _on_blocked(self, _: object) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False

    def close(self) -> None:
        """Hang up, and let the broker free what was ours; does not raise."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is None or connection.transport is None:
            return
        try:
            connection.transport.sock.settimeout(GOODBYE)
            connection.close()
        except (*DRIVER_ERRORS, AttributeError):  # the driver forgets its parts when the broker hangs up first
            _hang_up(connection)

    def drop(self) -> None:
        """Hang up without a word: the line is dead, or what was read from it is no longer whole."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            _hang_up(connection)

    def ask(self, question: Question[Answer], channel: Any = None) -> Answer:
        """What `question(channel)` returns: one command of the driver. Raises SourceError, AccessRefused or Missing.

        A refusal leaves the connection usable; the driver opens its channel anew.
        """
        self.catch_up()
        self.asked += 1
        begun = time.monotonic()
        answer = self._guarded(lambda: question(self.channel if channel is None else channel))
        self._used = time.monotonic()
        self.latency = self._used - begun
        return answer

    def catch_up(self) -> None:
        """Take in what came unasked (heartbeats, a block, a goodbye); a line that has gone stale is closed.

        Nothing was asked on it, so nothing is lost: the next question opens a new one.
        """
        try:
            while self._connection is not None and self._readable(0):
                self._connection.blocking_read()
                self._used = time.monotonic()
        except DRIVER_ERRORS:
            self.drop()
        if self._connection is not None and time.monotonic() - self._used > self.address.heartbeat:
            self.close()  # the broker expects to hear of us twice in that time

    def wait(self, seconds: float) -> bool:
        """Handle what arrives within that time, one frame at most; whether there was one. Raises SourceError."""
        return bool(self._guarded(lambda: self._readable(seconds) and (self._connection.blocking_read(), True)))

    def _readable(self, seconds: float) -> bool:
        transport = self._connection.transport
        if transport._read_buffer or (self.address.tls and transport.sock.pending()):  # noqa: SLF001 - read ahead by the driver
            return True
        return readable(transport.sock, seconds)

    def _guarded(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except amqp.ChannelError as error:
            raise told(error, self.address, met=True) from None
        except DRIVER_ERRORS as error:
            self.drop()
            raise told(error, self.address, met=True) from None


class Shared:
    """A line that several threads may use in turn; it comes back by itself after a failure."""

    def __init__(self, address: Address, purpose: str = "") -> None:
        self._line, self._lock = Line(address, purpose), threading.Lock()
        self.address = address

    @property
    def asked(self) -> int:
        """Commands sent since start."""
        return self._line.asked

    @property
    def blocked(self) -> bool:
        """As `Line.blocked`."""
        return self._line.blocked

    def ask(self, question: Question[Answer]) -> Answer:
        """As `Line.ask`."""
        with self._lock:
            return self._line.ask(question)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._line.close()


def readable(line: socket.socket, seconds: float) -> bool:
    """Whether something can be read from a socket within that time."""
    poll = select.poll()  # unlike select, it takes any number of open files
    poll.register(line, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _hang_up(connection: Any) -> None:
    """Close the socket, whatever state the driver is in."""
    transport = connection._transport  # noqa: SLF001 - its property connects where there is none
    if transport is not None and transport.sock is not None:
        transport._shutdown_transport = lambda: None  # noqa: SLF001 - TLS would wait for the other side's goodbye
    try:
        connection.collect()
    except DRIVER_ERRORS:
        return


def _tls(host: str, tls: Tls) -> dict[str, Any]:
    for path in (tls.ca, tls.certificate, tls.key):
        if path and not Path(path).is_file():
            raise SourceError(f"There is no certificate file {path}.", "Check the path in the URL or the settings.")
    return {
        "cert_reqs": ssl.CERT_REQUIRED if tls.verify else ssl.CERT_NONE, "ca_certs": tls.ca,
        "certfile": tls.certificate, "keyfile": tls.key,
        "server_hostname": host if tls.verify and tls.check_hostname else None,
    }  # fmt: skip
