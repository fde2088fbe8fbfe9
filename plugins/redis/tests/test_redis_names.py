"""Keys, channels and addresses are called as Celery calls them."""

import pytest

from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis.address import Address, Tls, address_of
from lazycelery_plugin_redis.layout import Layout


def test_channels_and_keys_of_an_application_without_options() -> None:
    layout = Layout(db=3)
    assert layout.event_channel == "/3.celeryev/*"
    assert layout.every_event_channel == "/*.celeryev/*"
    assert layout.control_channel == "/3.celery.pidbox"
    assert layout.result_channel == "celery-task-meta-*"
    assert layout.buckets("mail") == ["mail", "mail\x06\x163", "mail\x06\x166", "mail\x06\x169"]
    assert layout.bindings("celery") == "_kombu.binding.celery"
    assert layout.result_key("id-1") == "celery-task-meta-id-1"


def test_every_option_of_the_transport_changes_its_names() -> None:
    layout = Layout(
        prefix="app:", result_prefix="res:", fanout_prefix="/x{db}.", event_exchange="ev", control_exchange="ctl",
        sep="|", steps=(0, 1), unacked="held", db=2,
    )  # fmt: skip
    assert layout.event_channel == "app:/x2.ev/*"
    assert layout.every_event_channel == "app:/x*.ev/*"
    assert layout.control_channel == "app:/x2.ctl.pidbox"
    assert layout.result_channel == "res:celery-task-meta-*"
    assert layout.buckets("mail") == ["app:mail", "app:mail|1"]
    assert layout.unacked_key == "app:held"
    assert layout.deadlines == "app:_kombu.binding_deadlines"


def test_channels_without_fanout_prefix_and_patterns_are_bare_names() -> None:
    layout = Layout(fanout_prefix=None, fanout_patterns=False)
    assert layout.event_channel == "celeryev"
    assert layout.control_channel == "celery.pidbox"


@pytest.mark.parametrize(
    "key,queue",
    [("app:mail", "mail"), ("app:mail\x06\x169", "mail"), ("mail", None), ("app:mail\x06\x16x", None), ("app:", "")],
)
def test_a_list_belongs_to_a_queue_by_its_name(key: str, queue: str | None) -> None:
    assert Layout(prefix="app:").queue_of(key) == queue


@pytest.mark.parametrize("name", ["celeryev", "celeryev.1-2", "w1@h.celery.pidbox", "5-6.reply.celery.pidbox"])
def test_queues_of_events_and_remote_control_are_internal(name: str) -> None:
    assert Layout().is_internal(name)
    assert not Layout().is_internal("mail")


def address(text: str, master: str = "") -> Address:
    return address_of(BrokerURL.parse(text), master)


def test_a_url_becomes_an_address() -> None:
    assert address("redis://ops:pw@h.example:7000/3") == Address(
        host="h.example", port=7000, db=3, username="ops", password="pw"
    )
    assert address("redis+socket:///run/r.sock?virtual_host=2") == Address(host="", port=0, path="/run/r.sock", db=2)


def test_certificates_are_verified_unless_told_otherwise_in_as_many_words() -> None:
    assert address("rediss://h.example").tls == Tls(verify=True, check_hostname=True)
    assert address("redis://h.example").tls is None
    told = address("rediss://h/0?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/ca.pem&ssl_certfile=/c&ssl_keyfile=/k").tls
    assert told == Tls(verify=False, ca="/ca.pem", certificate="/c", key="/k")


def test_sentinels_share_one_address() -> None:
    found = address("sentinel://:pw@h1:26379/1;sentinel://h2:26380/1", "mymaster")
    assert found.sentinels == (("h1", 26379), ("h2", 26380))
    assert (found.master, found.db, found.password) == ("mymaster", 1, "pw")
    assert found.shown == "mymaster (sentinel h1:26379)"


def test_further_urls_are_fallen_back_on() -> None:
    found = address("redis://h1/1;redis://h2/1")
    assert [other.host for other in found.others] == ["h2"]


def test_a_password_is_in_no_text_of_an_address() -> None:
    found = address("redis://ops:s3cret@h.example/0;redis://ops:s4cret@h2.example/0")
    assert "cret" not in repr(found) + found.shown


def test_one_server_is_known_by_its_place_whatever_the_database() -> None:
    assert address("redis://h/1").is_same_server(address("redis://:pw@h/2"))
    assert not address("redis://h/1").is_same_server(address("redis://h:1/1"))
