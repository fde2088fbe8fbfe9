"""How is the management API asked? Over one HTTP connection, bounded in time and size, silent about passwords.

Every failure becomes a `SourceError` or `AccessRefused` with one sentence; the text of a server or a library is never
passed on. Nothing is followed anywhere else: no redirects, no proxies.
"""

import base64
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_core.text import safe
from lazycelery_plugin_amqp.address import Address, Tls

PORT, TLS_PORT = 15672, 15671
CONNECT = 1.0  # s
ANSWER = 2.0  # s from the question to the end of the answer; a hanging broker is noticed soon
LARGEST = 16 << 20  # bytes of an answer; 500 queues take about half a megabyte
REALM = "RabbitMQ Management"
ASK_FOR = "It needs the user tag `monitoring` and some permission on the virtual host."
DRIVER_ERRORS = (http.client.HTTPException, OSError)


@dataclass(frozen=True)
class Place:
    """Where a management API may be, and who asks. `sure`: the user named it; else it has to introduce itself first."""

    host: str
    port: int
    tls: Tls | None = None
    username: str = "guest"
    password: str = field(default="guest", repr=False)
    prefix: str = ""
    sure: bool = False

    @property
    def shown(self) -> str:
        """For sentences."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def usual_places(broker: Address) -> list[Place]:
    """Where each of the broker's addresses has its management API if nobody chose otherwise.

    An encrypted broker is only asked over TLS: its password is never sent in the clear.
    """
    return [
        Place(each.host, TLS_PORT if each.tls else PORT, each.tls, each.username, each.password) for each in broker.all
    ]


def named_place(url: str, broker: Address, username: str = "", password: str | None = None) -> Place:
    """The place of a URL from the settings. Its TLS is the broker's, so are user and password unless given."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceError("management_url is no URL.", "For example http://rabbit.example:15672.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError("management_url has to begin with http:// or https://.", "http://rabbit.example:15672")
    if parts.password is not None:
        raise SourceError("management_url contains a password.", "Use management_password_file.")
    tls = (broker.tls or Tls()) if parts.scheme == "https" else None
    user = username or unquote(parts.username or "") or broker.username
    secret = password if password is not None else broker.password
    usual = TLS_PORT if tls else PORT
    return Place(parts.hostname, port or usual, tls, user, secret, parts.path.rstrip("/"), sure=True)


class Api:
    """Asks one place. Not for two threads at once."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.asked = 0
        self._connection: http.client.HTTPConnection | None = None
        token = base64.b64encode(f"{place.username}:{place.password}".encode(errors="surrogateescape")).decode()
        self._headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        self._met = place.sure

    def get(self, path: str) -> bytes:
        """The body of the answer, after ANSWER seconds at the latest. Raises SourceError, AccessRefused.

        path: from `/api/` on.
        """
        status, body = self.ask(path)
        if status != 200:
            raise _refusal(status, body, self.place)
        return body

    def ask(self, path: str) -> tuple[int, bytes]:
        """As `get`, with the HTTP status, whatever it says."""
        if not self._met:
            self._introduced()
        status, _, body = self._fetch(path, self._headers)
        return status, body

    def close(self) -> None:
        """Hang up; does not raise."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _introduced(self) -> None:
        """Whoever listens on the usual port has to say that it is RabbitMQ before it is told a password."""
        status, realm, _ = self._fetch("/api/overview", {"Accept": "application/json"})
        if status != 401 or REALM not in realm:
            raise SourceError(f"{self.place.shown} is no management API.", "Set management_url if it is elsewhere.")
        self._met = True

    def _fetch(self, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Once more on a new connection where the kept one had been closed meanwhile."""
        kept = self._connection is not None
        try:
            return self._once(path, headers)
        except DRIVER_ERRORS as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                raise told(error, self.place) from None
        try:
            return self._once(path, headers)
        except DRIVER_ERRORS as error:
            self.close()
            raise told(error, self.place) from None

    def _once(self, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
        connection = self._opened()
        deadline = _Deadline(connection, ANSWER)
        self.asked += 1
        try:
            connection.request("GET", self.place.prefix + path, headers=headers)
            response = connection.getresponse()
            body = response.read(LARGEST + 1)
        except (*DRIVER_ERRORS, ValueError):
            if deadline.passed:
                raise TimeoutError from None
            raise
        finally:
            deadline.cancel()
        if len(body) > LARGEST:
            self.close()
            raise SourceError(f"An answer of {self.place.shown} is larger than {LARGEST >> 20} MB.")
        if deadline.passed:
            raise TimeoutError
        return response.status, response.headers.get("WWW-Authenticate") or "", body

    def _opened(self) -> http.client.HTTPConnection:
        if self._connection is None:
            connection = _connection(self.place)
            try:
                connection.connect()
                assert connection.sock is not None
                connection.sock.settimeout(ANSWER)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection


class _Deadline:
    """Shuts the line when a whole exchange takes too long: a timeout of the socket only bounds each piece."""

    def __init__(self, connection: http.client.HTTPConnection, seconds: float) -> None:
        self._socket, self._at = connection.sock, time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._at

    def cancel(self) -> None:
        self._timer.cancel()

    def _shut(self) -> None:
        try:
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _connection(place: Place) -> http.client.HTTPConnection:
    if place.tls is None:
        return http.client.HTTPConnection(place.host, place.port, timeout=CONNECT)
    return http.client.HTTPSConnection(place.host, place.port, timeout=CONNECT, context=_context(place.tls))


def _context(tls: Tls) -> ssl.SSLContext:
    for path in (tls.ca, tls.certificate, tls.key):
        if path and not Path(path).is_file():
            raise SourceError(f"There is no certificate file {path}.", "Check the path in the URL or the settings.")
    context = ssl.create_default_context(cafile=tls.ca)
    context.check_hostname = tls.verify and tls.check_hostname
    context.verify_mode = ssl.CERT_REQUIRED if tls.verify else ssl.CERT_NONE
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key, password="")  # else OpenSSL would ask on the terminal
    return context


class _Error(msgspec.Struct):
    error: str = ""
    reason: str = ""


def _refusal(status: int, body: bytes, place: Place) -> LazyCeleryError:
    """The sentence for an answer that is none. Known reasons are recognised, unknown ones not repeated."""
    where, user = place.shown, safe(place.username, 100)
    if status not in (401, 403):
        hint = "Is management_url right?" if place.sure else "Set management_url if it is elsewhere."
        return SourceError(f"The management API at {where} answers {status}.", hint)
    try:
        reason = msgspec.json.decode(body, type=_Error).reason
    except msgspec.MsgspecError:
        reason = ""
    if "virtual host" in reason:
        return AccessRefused(f"User {user} has no permission on this virtual host at {where}.", ASK_FOR, "permissions")
    if "management user" in reason:
        return AccessRefused(f"User {user} may not use the management API at {where}.", ASK_FOR, "tag monitoring")
    if "localhost" in reason:
        return AccessRefused(
            f"User {user} may only log in from the broker's own machine at {where}.", "Use another.", "login"
        )
    return AccessRefused(f"The management API at {where} refuses the login of user {user}.", ASK_FOR, "login")


def told(error: BaseException, place: Place) -> LazyCeleryError:
    """The error to raise instead of the library's."""
    where = place.shown
    if isinstance(error, LazyCeleryError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceError(f"The certificate of the management API at {where} can't be verified.", "See ssl_ca_certs.")
    if isinstance(error, ssl.SSLError):
        return SourceError(f"TLS with the management API at {where} failed.", "Is it http:// there?")
    if isinstance(error, socket.gaierror):
        return SourceError(f"The host name {place.host} is unknown.", "Check management_url.")
    if isinstance(error, TimeoutError):
        return SourceError(f"No answer from the management API at {where}.", "Set management_url if it is elsewhere.")
    if isinstance(error, ConnectionRefusedError):
        return SourceError(f"No management API listens at {where}.", "Set management_url if it is elsewhere.")
    return SourceError(f"The line to the management API at {where} broke.", "It is tried again.")
