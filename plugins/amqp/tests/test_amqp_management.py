"""The management API is asked gently and believed little: bounds, refusals, odd answers; strangers get no password."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from lazycelery_core.config import loads
from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_core.testing.rabbitmq import Rabbit, Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import http_api
from lazycelery_plugin_amqp.address import Address, Tls, address_of
from lazycelery_plugin_amqp.http_api import Api, Place, named_place, usual_places
from lazycelery_plugin_amqp.management import Management
from lazycelery_plugin_amqp.settings import AmqpSettings
from lazycelery_plugin_amqp.watching import places, queue_source

SECRET = "swordfish"
BROKER = Address("127.0.0.1", username="ops", password=SECRET)
Answer = tuple[int, dict[str, str], bytes]


class Site:
    """An HTTP server that is no RabbitMQ. `answer(path)` decides; `heard` are the headers of each question."""

    def __init__(self, answer: Callable[[str], Answer], context: ssl.SSLContext | None = None) -> None:
        self.heard: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.heard.append(dict(self.headers))
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.block_on_close = True, False
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def place(self, sure: bool = True, tls: Tls | None = None) -> Place:
        return Place("127.0.0.1", self.port, tls, "ops", SECRET, sure=sure)


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def start(answer: Callable[[str], Answer], context: ssl.SSLContext | None = None) -> Site:
        made.append(Site(answer, context))
        return made[-1]

    yield start
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def said(place: Place) -> LazyCeleryError:
    """The error of a question there; it never holds the password."""
    with pytest.raises(LazyCeleryError) as raised:
        Api(place).get("/api/overview")
    assert SECRET not in f"{raised.value!r} {raised.value} {place!r}"
    return raised.value


def ok(body: bytes) -> Answer:
    return 200, {"Content-Type": "application/json"}, body


def test_whoever_listens_on_the_usual_port_gets_no_password_before_it_says_what_it_is(
    site: Callable[..., Site],
) -> None:
    stranger = site(lambda path: ok(b"{}"))
    assert "is no management API" in str(said(stranger.place(sure=False)))
    assert len(stranger.heard) == 1
    assert "Authorization" not in stranger.heard[0]


def test_the_real_one_introduces_itself(rabbitmq_vhost: Vhost) -> None:
    server: Rabbit = rabbitmq_vhost.server
    place = Place("127.0.0.1", server.ports.management, None, "guest", "guest")
    api = Api(place)
    assert b"rabbitmq_version" in api.get("/api/overview")
    assert api.asked == 2
    api.get("/api/nodes")
    assert api.asked == 3
    api.close()


def test_a_line_that_was_closed_meanwhile_is_opened_again(rabbitmq_vhost: Vhost) -> None:
    api = Api(Place("127.0.0.1", rabbitmq_vhost.server.ports.management, sure=True))
    api.get("/api/nodes")
    assert api._connection is not None
    assert api._connection.sock is not None
    api._connection.sock.shutdown(socket.SHUT_RDWR)
    assert api.get("/api/nodes")
    api.close()


@pytest.mark.parametrize(
    "status, body, words, kind",
    [
        (401, b'{"reason":"Not management user"}', "may not use the management API", AccessRefused),
        (401, b'{"reason":"User not authorised to access virtual host"}', "permission on this virtual", AccessRefused),
        (401, b'{"reason":"User can only log in via localhost"}', "from the broker's own machine", AccessRefused),
        (401, b"<html>swordfish", "refuses the login of user ops", AccessRefused),
        (404, b"swordfish", "answers 404", SourceError),
        (302, b"", "answers 302", SourceError),
        (500, b"\xff\xfe", "answers 500", SourceError),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_our_words(
    site: Callable[..., Site], status: int, body: bytes, words: str, kind: type[LazyCeleryError]
) -> None:
    refusing = site(lambda path: (status, {"Location": "http://127.0.0.1:1/"}, body))
    error = said(refusing.place())
    assert words in str(error)
    assert type(error) is kind
    assert len(refusing.heard) == 1, "nothing is followed"


def test_nobody_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert "No management API listens" in str(said(Place("127.0.0.1", port, password=SECRET, sure=True)))


def test_an_answer_has_an_end(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_api, "LARGEST", 1000)
    assert "larger than" in str(said(site(lambda path: ok(b"x" * 5000)).place()))


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "]
)
def test_an_answer_that_drips_is_given_up_in_time(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_api, "ANSWER", 0.5)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _ = server.accept()
            with line:
                line.sendall(head)
                while not over.wait(0.05):
                    try:
                        line.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        assert "No answer" in str(said(Place("127.0.0.1", server.getsockname()[1], password=SECRET, sure=True)))
        over.set()
        thread.join()


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff" * 10, b"[" * 100_000, b'{"items": 5}', b"{}"])
def test_nonsense_is_told_and_raises_nothing_else(site: Callable[..., Site], body: bytes) -> None:
    odd = site(lambda path: ok(b"{}" if "overview" in path else body))
    management = Management(lambda: [odd.place()], "/")
    assert management.step(0.0)
    assert "answers in a way that is not understood" in management.trouble
    assert not management.works
    management.close()


def test_one_odd_queue_costs_the_others_nothing(site: Callable[..., Site]) -> None:
    given = [
        {"name": "good", "messages_ready": 3, "arguments": [], "message_stats": [], "head_message_timestamp": ""},
        {"name": 5}, "odd", {"name": "bad", "messages_ready": "many"}, {"name": "new"},
    ]  # fmt: skip
    answers = {"queues": {"items": given, "total_count": 5}, "overview": {}}

    def answer(path: str) -> Answer:
        part: Any = next((value for name, value in answers.items() if f"/{name}" in path), [])
        return ok(json.dumps(part).encode())

    management = Management(lambda: [site(answer).place()], "shop/eu")
    management.step(0.0)
    assert management.trouble == ""
    assert management.queues.keys() == {"good", "new"}
    assert management.unread == 3
    management.close()


def test_after_a_failure_it_is_left_alone_for_a_while_and_a_refresh_asks_at_once(site: Callable[..., Site]) -> None:
    down = site(lambda path: (500, {}, b""))
    management = Management(lambda: [down.place()], "/")
    assert management.step(0.0)
    assert not management.step(14.0)
    assert management.step(16.0)
    management.hurry()
    assert management.step(16.1)
    assert len(down.heard) == 3
    management.close()


def test_of_several_places_the_first_that_answers_is_asked(site: Callable[..., Site]) -> None:
    down, up = site(lambda path: (500, {}, b"")), site(lambda path: ok(_empty(path)))
    management = Management(lambda: [down.place(), up.place()], "/")
    management.step(0.0)
    assert management.works
    management.step(10.0)
    assert len(down.heard) == 1
    management.close()


def test_long_lists_that_seldom_change_are_asked_for_more_rarely(site: Callable[..., Site]) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path.partition("?")[0])
        return ok(_empty(path))

    management = Management(lambda: [site(answer).place()], "/")
    seen = [(management.step(now), management.roads_are_new) for now in (0.0, 5.0, 10.0, 15.0, 16.0)]
    assert seen == [(True, True), (True, False), (True, False), (True, True), (False, False)]
    assert (paths.count("/api/queues/%2F"), paths.count("/api/bindings/%2F")) == (4, 2)
    management.hurry()
    assert (management.step(16.5), management.roads_are_new) == (True, True)
    management.close()


def _empty(path: str) -> bytes:
    return b"{}" if "overview" in path else b'{"items": []}' if "queues" in path else b"[]"


def test_tls_trusts_the_ca_of_the_broker_and_no_other(site: Callable[..., Site], tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    for each, name in ((authority, "ca.pem"), (stranger, "wrong.pem")):
        each.cert_pem.write_to_path(str(tmp_path / name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    secure = site(lambda path: ok(b"{}"), context)
    assert Api(secure.place(tls=Tls(ca=str(tmp_path / "ca.pem")))).get("/api/overview") == b"{}"
    heard = len(secure.heard)
    assert "can't be verified" in str(said(secure.place(tls=Tls(ca=str(tmp_path / "wrong.pem")))))
    assert len(secure.heard) == heard, "refused before a password was sent"
    assert "no certificate file" in str(said(secure.place(tls=Tls(ca=str(tmp_path / "missing.pem")))))


def test_a_client_certificate_is_shown_to_those_who_want_one(site: Callable[..., Site], tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    mine = authority.issue_cert("monitor@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "mine.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    secure = site(lambda path: ok(b"{}"), context)
    ca, own = str(tmp_path / "ca.pem"), str(tmp_path / "mine.pem")
    assert Api(secure.place(tls=Tls(ca=ca, certificate=own, key=own))).get("/api/overview") == b"{}"
    assert isinstance(said(secure.place(tls=Tls(ca=ca))), SourceError)


def test_an_encrypted_broker_is_never_asked_in_the_clear() -> None:
    broker = address_of(BrokerURL.parse(f"amqps://ops:{SECRET}@one:5671//;amqps://ops:{SECRET}@two//"))
    assert [(each.host, each.port, each.tls is not None) for each in usual_places(broker)] == [
        ("one", 15671, True), ("two", 15671, True)
    ]  # fmt: skip
    plain = address_of(BrokerURL.parse(f"amqp://ops:{SECRET}@one//"))
    assert [(each.port, each.tls, each.sure) for each in usual_places(plain)] == [(15672, None, False)]


@pytest.mark.parametrize(
    "url, words",
    [
        ("rabbit:15672", "begin with http"), ("ftp://rabbit", "begin with http"), ("http://", "begin with http"),
        ("http://rabbit:port", "is no URL"), (f"http://ops:{SECRET}@rabbit", "contains a password"),
    ],
)  # fmt: skip
def test_a_wrong_url_is_told_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        named_place(url, BROKER)
    assert SECRET not in str(raised.value)


def test_the_place_of_the_settings_has_a_path_a_user_and_a_password_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("own\n")
    secret.chmod(0o600)
    url = "https://rabbit.example/api-gate/"
    (place,) = places(
        AmqpSettings(management_url=url, management_user="viewer", management_password_file=str(secret)), BROKER
    )
    assert (place.host, place.port, place.prefix, place.sure) == ("rabbit.example", 15671, "/api-gate", True)
    assert (place.username, place.password) == ("viewer", "own")
    assert "own" not in repr(place)
    (usual,) = places(AmqpSettings(management_password_file=str(secret)), BROKER)
    assert (usual.username, usual.password, usual.port) == ("ops", "own", 15672)
    secret.chmod(0o644)
    with pytest.raises(SourceError, match="yours alone"):
        places(AmqpSettings(management_password_file=str(secret)), BROKER)
    with pytest.raises(SourceError, match="switched off"):
        places(AmqpSettings(management=False), BROKER)


def test_the_settings_make_the_source_of_queues() -> None:
    text = """
        [connections.shop]
        url = "amqp://ops@127.0.0.1//"
        queues = ["mail"]
        event_exchange = "events"
        [plugins.amqp]
        poll = 0.5
        management_url = "http://ops:swordfish@rabbit"
        """
    settings = loads(text)
    known = settings.plugin_settings("amqp", AmqpSettings)
    source = queue_source(settings.connect(connection="shop"), known, BROKER, None)
    assert (source._period, source._names.event_exchange, list(source._discovery.pinned)) == (0.5, "events", ["mail"])
    assert source._management.step(0.0)
    assert source._management.trouble == "management_url contains a password. Use management_password_file."
    source.close()
