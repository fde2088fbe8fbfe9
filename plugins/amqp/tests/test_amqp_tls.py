"""Encrypted lines: whom we trust, who we are, and what is said when that does not fit. Several addresses in one URL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.events import WireEvent
from lazycelery_core.testing.amqp_wire import AmqpWire
from lazycelery_core.testing.certificates import Certificates, certificates
from lazycelery_core.testing.kit import wait_until
from lazycelery_core.testing.rabbitmq import Rabbit, start_rabbitmq
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import line
from lazycelery_plugin_amqp import stream as stream_module
from lazycelery_plugin_amqp.address import Address, Tls, address_of
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.stream import AmqpStream


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no dead line; what happens on those is tried elsewhere."""
    for module, limit in ((line, "CONNECT"), (line, "ANSWER"), (stream_module, "ANSWER")):
        monkeypatch.setattr(module, limit, 20.0)


@pytest.fixture(scope="module")
def server(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """A certificate for localhost; clients need one of the same authority."""
    with start_rabbitmq(tmp_path_factory.mktemp("tls"), tls="localhost", client_certificates=True) as server:
        yield server


@pytest.fixture(scope="module")
def made(server: Rabbit) -> Certificates:
    assert server.certificates is not None
    return server.certificates


def ours(made: Certificates) -> str:
    return f"&ssl_certfile={made.client}&ssl_keyfile={made.client_key}"


def stream_of(url: str) -> AmqpStream:
    return AmqpStream(Line(address_of(BrokerURL.parse(url)), "events"))


def refusal(url: str) -> SourceError:
    line = Line(address_of(BrokerURL.parse(url)))
    with pytest.raises(SourceError) as refused:
        line.open()
    assert not line.is_open
    return refused.value


def test_events_are_heard_over_tls_with_a_client_certificate(server: Rabbit, made: Certificates) -> None:
    stream = stream_of(f"{server.tls_url()}?ssl_ca_certs={made.ca}{ours(made)}")
    long = "x" * 300_000  # many TLS records
    with AmqpWire(server.url) as wire:
        stream.open()
        for number in range(50):
            wire.event(type="task-received", uuid=str(number), hostname="w@a", args=long if number % 10 == 0 else "")
        heard: list[str] = []

        def all_heard() -> bool:
            heard.extend(event.uuid for event in stream.read(0.1) if isinstance(event, WireEvent))
            return len(heard) >= 50

        wait_until(all_heard, "fifty events", 30)
        assert heard == [str(number) for number in range(50)]
    stream.close()
    wait_until(lambda: server.call("length(rabbit_amqqueue:list())") == "0", "the queue to be gone")


def test_a_stranger_s_certificate_is_refused_before_a_password_is_sent(server: Rabbit, made: Certificates) -> None:
    error = refusal(f"{server.tls_url()}?ssl_ca_certs={made.wrong_ca}{ours(made)}")
    assert "refused before a password was sent" in error.message
    assert "ssl_ca_certs" in error.hint
    assert "refused before" in refusal(f"{server.tls_url()}?{ours(made)[1:]}").message


def test_a_certificate_of_another_host_is_refused_unless_that_is_not_asked_for(
    server: Rabbit, made: Certificates
) -> None:
    url = f"{server.tls_url(host='127.0.0.1')}?ssl_ca_certs={made.ca}{ours(made)}"
    assert "belongs to another" in refusal(url).message
    line = Line(address_of(BrokerURL.parse(f"{url}&ssl_check_hostname=false")))
    line.open()
    line.close()


def test_without_a_check_anything_goes_and_only_when_it_is_said(server: Rabbit, made: Certificates) -> None:
    line = Line(address_of(BrokerURL.parse(f"{server.tls_url(host='127.0.0.1')}?ssl_cert_reqs=none{ours(made)}")))
    line.open()
    line.close()


def test_a_missing_or_foreign_client_certificate_is_told(server: Rabbit, made: Certificates, tmp_path: Path) -> None:
    url = f"{server.tls_url()}?ssl_ca_certs={made.ca}"
    assert "client certificate" in str(refusal(url))
    foreign = certificates(tmp_path)
    error = refusal(f"{url}{ours(foreign)}")
    assert "certificate" in str(error)
    assert "no certificate file" in refusal(f"{url}&ssl_certfile=/nowhere.pem&ssl_keyfile=/nowhere.pem").message


def test_a_plain_port_and_a_tls_port_are_told_apart(server: Rabbit, made: Certificates) -> None:
    plain = server.tls_url().replace(str(server.ports.tls), str(server.port))
    assert "amqp://" in str(refusal(f"{plain}?ssl_ca_certs={made.ca}"))
    assert "amqps://" in str(refusal(server.url_for(port=server.ports.tls)))


def test_a_wrong_password_over_tls_is_told_as_such(server: Rabbit, made: Certificates) -> None:
    line = Line(address_of(BrokerURL.parse(f"{server.tls_url(password='no')}?ssl_ca_certs={made.ca}{ours(made)}")))
    with pytest.raises(AccessRefused, match="Login refused for user guest"):
        line.open()


def test_a_fail_over_list_goes_on_with_the_next_address_and_back_to_the_first(
    server: Rabbit, made: Certificates
) -> None:
    secure = f"{server.tls_url()}?ssl_ca_certs={made.ca}{ours(made)}"
    stream = stream_of(f"amqps://localhost:1//;{secure}")
    with AmqpWire(server.url) as wire:
        stream.open()
        wire.event(type="task-received", uuid="there", hostname="w@a")
        wait_until(lambda: list(stream.read(0.1)), "an event", 30)
    stream.close()


@pytest.mark.parametrize(
    "url, expected",
    [
        ("amqp://", Address()),
        ("amqp://h", Address(host="h")),
        ("amqp://h/", Address(host="h")),
        ("amqp://h//", Address(host="h")),
        ("amqp://h/%2F", Address(host="h")),
        ("amqp://h/v", Address(host="h", virtual_host="v")),
        ("amqp://h/%2Fv", Address(host="h", virtual_host="/v")),
        ("pyamqp://u:p%40ss@[::1]:1234/a%20b", Address("::1", 1234, "a b", "u", "p@ss")),
        ("amqp://h?heartbeat=30", Address(host="h", heartbeat=30.0)),
        ("amqp://h?heartbeat=0", Address(host="h")),
        ("amqp://h?login_method=external", Address(host="h", login="EXTERNAL")),
        ("amqps://h", Address(host="h", port=5671, tls=Tls())),
        (
            "amqps://h?ssl_ca_certs=/c&ssl_certfile=/d&ssl_keyfile=/e&ssl_check_hostname=no",
            Address(host="h", port=5671, tls=Tls(True, "/c", "/d", "/e", False)),
        ),
        ("amqps://h?ssl_cert_reqs=none", Address(host="h", port=5671, tls=Tls(verify=False))),
        ("amqp://a;amqp://b/v", Address(host="a", others=(Address(host="b", virtual_host="v"),))),
    ],
)
def test_an_address_is_read_as_kombu_reads_it(url: str, expected: Address) -> None:
    assert address_of(BrokerURL.parse(url)) == expected


def test_an_address_shows_no_password() -> None:
    address = address_of(BrokerURL.parse("amqp://u:s3cret@h;amqp://u:s3cret2@i"))
    assert "s3cret" not in f"{address!r} {address.shown} {address.all!r}"
    assert address_of(BrokerURL.parse("amqp://[::1]")).shown == "[::1]:5672"
