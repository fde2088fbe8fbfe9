"""Whatever is wrong with the address or the login is told in one sentence, in time, and never with the password."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_core.testing.servers import Server, free_port
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.line import Line

SECRET = "s3cret-pw"
Serve = Callable[[Callable[[socket.socket], None]], int]
PATIENCE = 3.0 * 2  # s; the promise for TLS, doubled for a busy machine


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a TCP server that handles each connection by a function; returns its port."""
    with ExitStack() as running:

        def start(handle: Callable[[socket.socket], None]) -> int:
            listener = running.enter_context(socket.create_server(("127.0.0.1", 0)))
            threading.Thread(target=_accept, args=(listener, handle, running), daemon=True).start()
            return int(listener.getsockname()[1])

        yield start


def _accept(listener: socket.socket, handle: Callable[[socket.socket], None], running: ExitStack) -> None:
    with suppress(OSError):
        while True:
            line, _ = listener.accept()
            running.callback(line.close)
            threading.Thread(target=_handle, args=(handle, line), daemon=True).start()


def _handle(handle: Callable[[socket.socket], None], line: socket.socket) -> None:
    with suppress(OSError):
        handle(line)


def trouble(url: str) -> LazyCeleryError:
    """What opening a line to this URL raises; checked to be in time and without the password."""
    line = Line(address_of(BrokerURL.parse(url)))
    begun = time.monotonic()
    with pytest.raises(LazyCeleryError) as caught:
        line.open()
    assert time.monotonic() - begun < PATIENCE
    error = caught.value
    assert SECRET not in f"{error} {error.hint} {error!r} {error.__cause__}"
    assert "\n" not in str(error)
    return error


def test_a_closed_port_is_named() -> None:
    port = free_port()
    error = trouble(f"redis://:{SECRET}@127.0.0.1:{port}/0")
    assert error.message == f"Nobody listens at 127.0.0.1:{port}."
    assert isinstance(error, SourceError)


def test_a_missing_socket_is_named(tmp_path: Path) -> None:
    assert trouble(f"redis+socket://{tmp_path}/no.sock").message == f"There is no socket {tmp_path}/no.sock."


def test_an_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert trouble(f"redis://:{SECRET}@nosuch.invalid/0").message == "The host name nosuch.invalid is unknown."


def test_a_wrong_password_names_the_user(valkey_factory: Callable[..., Server]) -> None:
    server = valkey_factory(tcp=True, password="right", users=["ops on >right +@all ~*"])
    error = trouble(server.tcp_url(user="ops", password=SECRET))
    assert error.message == f"Login refused for user ops at 127.0.0.1:{server.port}."
    assert isinstance(error, AccessRefused)
    assert trouble(server.tcp_url(password=SECRET)).message.startswith("Login refused for user default")


def test_a_missing_password_is_asked_for(valkey_factory: Callable[..., Server]) -> None:
    server = valkey_factory(tcp=True, password="right")
    assert trouble(f"redis://127.0.0.1:{server.port}/0").message == f"127.0.0.1:{server.port} wants a password."


def test_a_password_that_nobody_asked_for_is_told(valkey_factory: Callable[..., Server]) -> None:
    server = valkey_factory(tcp=True)
    error = trouble(server.tcp_url(password=SECRET))
    assert "Login refused" in error.message or "no password" in error.message


def test_a_database_that_does_not_exist_is_named(valkey: Server) -> None:
    assert trouble(valkey.socket_url(db=999)).message.endswith("has no database 999.")


def test_a_user_who_may_not_choose_the_database_learns_the_right(valkey_factory: Callable[..., Server]) -> None:
    server = valkey_factory(users=["ops on >pw +ping"])
    error = trouble(server.socket_url(db=1, user="ops", password="pw"))
    assert isinstance(error, AccessRefused)
    assert error.right == "+select"


def test_a_web_server_is_no_redis(serve: Serve) -> None:
    port = serve(lambda line: line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" if line.recv(99) else b""))
    error = trouble(f"redis://:{SECRET}@127.0.0.1:{port}/0")
    assert error.message == f"127.0.0.1:{port} is not a Redis server, or one that wants TLS."


def test_a_port_that_says_nothing_is_not_waited_for(serve: Serve) -> None:
    port = serve(lambda line: time.sleep(20))
    assert trouble(f"redis://127.0.0.1:{port}/0").message == f"127.0.0.1:{port} takes connections but says nothing."


def test_a_port_that_hangs_up_is_told(serve: Serve) -> None:
    port = serve(lambda line: line.close())
    assert trouble(f"redis://127.0.0.1:{port}/0").message == f"127.0.0.1:{port} closed the connection."


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def tls_front(valkey: Server, authority: trustme.CA, name: str = "127.0.0.1") -> Iterator[int]:
    """A TLS port in front of the server's unix socket, with a certificate for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with ExitStack() as running:
        listener = running.enter_context(socket.create_server(("127.0.0.1", 0)))

        def handle(line: socket.socket) -> None:
            with context.wrap_socket(line, server_side=True) as front, socket.socket(socket.AF_UNIX) as back:
                back.connect(str(valkey.socket))
                threading.Thread(target=_pump, args=(back, front), daemon=True).start()
                _pump(front, back)

        threading.Thread(target=_accept, args=(listener, handle, running), daemon=True).start()
        yield int(listener.getsockname()[1])


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while data := source.recv(65_536):
            target.sendall(data)


def test_tls_with_an_own_authority_is_verified_and_works(valkey: Server, authority: trustme.CA, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    with tls_front(valkey, authority) as port:
        line = Line(address_of(BrokerURL.parse(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={ca}")))
        assert line.ask("LLEN", "nothing") == 0
        line.close()


def test_an_unknown_authority_is_refused_before_the_password(valkey: Server, authority: trustme.CA) -> None:
    with tls_front(valkey, authority) as port:
        error = trouble(f"rediss://:{SECRET}@127.0.0.1:{port}/0")
    assert "refused before a password was sent" in error.message
    assert "ssl_ca_certs" in error.hint


def test_a_certificate_of_another_name_is_refused(valkey: Server, authority: trustme.CA, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    with tls_front(valkey, authority, "other.example") as port:
        error = trouble(f"rediss://:{SECRET}@127.0.0.1:{port}/0?ssl_ca_certs={ca}")
        assert "belongs to another" in error.message
        unchecked = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={ca}&ssl_check_hostname=false"
        line = Line(address_of(BrokerURL.parse(unchecked)))
        line.open()
        line.close()


def test_verification_ends_only_when_that_is_said(valkey: Server, authority: trustme.CA) -> None:
    with tls_front(valkey, authority) as port:
        line = Line(address_of(BrokerURL.parse(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none")))
        line.open()
        line.close()


def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    error = trouble(f"rediss://127.0.0.1:1/0?ssl_ca_certs={tmp_path}/no.pem")
    assert error.message == f"There is no certificate file {tmp_path}/no.pem."


def test_a_ca_file_that_is_no_certificate_is_named(tmp_path: Path, serve: Serve) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    port = serve(lambda line: time.sleep(20))
    error = trouble(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path}/ca.pem")
    assert "ca.pem" in error.message + error.hint


def test_tls_asked_of_a_plain_port_is_told(valkey_factory: Callable[..., Server]) -> None:
    server = valkey_factory(tcp=True)
    error = trouble(f"rediss://127.0.0.1:{server.port}/0")
    assert "TLS" in error.message


def test_a_plain_line_to_a_tls_port_is_told(valkey: Server, authority: trustme.CA) -> None:
    with tls_front(valkey, authority) as port:
        error = trouble(f"redis://127.0.0.1:{port}/0")
    assert "TLS" in error.message + error.hint


def test_of_several_addresses_the_first_that_works_is_taken(valkey_factory: Callable[..., Server]) -> None:
    server, port = valkey_factory(tcp=True), free_port()
    line = Line(address_of(BrokerURL.parse(f"redis://127.0.0.1:{port}/0;{server.tcp_url()}")))
    assert line.ask("LLEN", "nothing") == 0
    line.close()


def test_when_no_address_works_the_first_one_is_named() -> None:
    first, second = free_port(), free_port()
    error = trouble(f"redis://127.0.0.1:{first}/0;redis://127.0.0.1:{second}/0")
    assert str(first) in error.message
