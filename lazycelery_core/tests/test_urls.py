import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.errors import ConfigError
from lazycelery_core.urls import BrokerURL, mask_url, unknown_scheme

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "urls.jsonl").read_text().splitlines()]
words = st.text("abcXYZ019", min_size=1, max_size=12)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_an_address_is_shown_without_its_secrets(case: dict[str, Any]) -> None:
    url = BrokerURL.parse(case["url"])
    assert mask_url(case["url"]) == url.shown == str(url) == case["shown"]
    assert not [secret for secret in case["hide"] if secret in repr(url) or secret in f"{url.with_password('x')}"]


@pytest.mark.parametrize(
    "url, shown",
    [
        ("redis://s3cr3t-token@h/0", "redis://***@h/0"),
        ("redis://AKIAIOSFODNN7EXAMPLE:pw@h", "redis://***:***@h"),
        ("redis://u:p;w@h/0", "redis://u:***@h/0"),
        ("redis://u:p?w@h/0", "redis://u:***@h/0"),
        ("redis://u:p@w@h/0", "redis://u:***@h/0"),
        ("redis://u:p#w@h/0", "redis://u:***@h/0"),
        ("redis://h/0?password=p@w&x=1", "redis://h/0?password=***&x=1"),
        ("redis://h/0?backup=redis%3A%2F%2Fu%3Apw%40h", "redis://h/0?backup=***"),
        ("redis://user:pw/rest", "redis://user:***"),
        ("redis://:123/pw", "redis://:123/***"),
        ("redis+socket://:pw@/run/redis.sock?virtual_host=2", "redis+socket://:***@/run/redis.sock?virtual_host=2"),
        ("redis+socket:///run/a@b.sock", "redis+socket:///run/a@b.sock"),
        ("amqp://u:@h//", "amqp://u:@h//"),
        ("pw", "***"),
        ("", ""),
    ],
)
def test_badly_written_addresses_are_masked_too(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@pytest.mark.parametrize(
    "url, says",
    [
        ("h.example:6379", "begins with its kind"),
        ("redis:/h", "begins with its kind"),
        ("redi://h", "Did you mean redis://?"),
        ("valkey://h", "Did you mean redis://?"),
        ("unix:///run/redis.sock", "Did you mean redis+socket://?"),
        ("rabbitmq://h", "Did you mean amqp://?"),
        ("nothing-like-it://h", "Known are redis, rediss"),
        ("redis+cluster://h", "Redis Cluster can't be a Celery broker"),
        ("redis://u:wJalr/XUt", "port in the broker URL is not a number"),
        ("redis://h:99999/0", "port in the broker URL is not a number"),
        ("redis://h/wJalr", "database in the Redis URL is not a number"),
        ("redis+socket://run/redis.sock", "redis+socket:///run/redis.sock"),
        ("redis://h/0?ssl=true", "rediss://"),
        ("rediss://h/0?ssl_cert_reqs=maybe", "required, optional, none"),
        ("redis://one,two/0", "Write each in full"),
        ("redis://u:wJalr XUt@h", "no blanks"),
        ("redis://h/0;amqp://h", "different kinds"),
    ],
)
def test_a_wrong_address_is_explained_without_repeating_it(url: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BrokerURL.parse(url)
    assert says in str(caught.value)
    assert "wJalr" not in str(caught.value)
    assert "XUt" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_parts_of_an_address_are_decoded() -> None:
    url = BrokerURL.parse("rediss://o%40ps:p%2Fw@[::1]:6380/3?ssl_cert_reqs=none&ssl_ca_certs=/etc/ca.pem")
    assert (url.scheme, url.user, url.password, url.host, url.port) == ("rediss", "o@ps", "p/w", "::1", 6380)
    assert url.database == 3
    assert url.tls
    assert url.options == {"ssl_cert_reqs": "none", "ssl_ca_certs": "/etc/ca.pem"}


def test_what_an_address_leaves_out_has_the_usual_value() -> None:
    redis, amqp = BrokerURL.parse("redis://"), BrokerURL.parse("amqp://h")
    assert (redis.host, redis.port, redis.database, redis.tls) == ("localhost", 6379, 0, False)
    assert (amqp.port, amqp.virtual_host) == (5672, "")
    assert BrokerURL.parse("amqp://h//").virtual_host == "/"
    assert BrokerURL.parse("redis://h/0?password=pw&username=ops").password == "pw"


def test_a_socket_has_a_file_and_a_database() -> None:
    url = BrokerURL.parse("redis+socket:///run/redis.sock?virtual_host=2")
    assert (url.path, url.host, url.database) == ("/run/redis.sock", "", 2)


def test_sentinels_are_all_read() -> None:
    url = BrokerURL.parse("sentinel://:pw@a:26380/1;sentinel://b")
    assert [(part.host, part.port) for part in url.all] == [("a", 26380), ("b", 26379)]
    assert url.database == 1


def test_a_password_from_elsewhere_fills_only_the_gaps() -> None:
    url = BrokerURL.parse("redis://u@a/0;redis://u:own@b/0").with_password("given")
    assert [part.password for part in url.all] == ["given", "own"]
    assert "given" not in f"{url} {url!r}"


def test_the_suggestion_knows_the_schemes_of_plugins() -> None:
    assert "Did you mean gateway://?" in str(unknown_scheme("gatway", ("redis", "gateway")))


@given(user=words, password=st.text(min_size=1, max_size=20), host=words, database=st.integers(0, 15))
def test_a_quoted_address_survives_parsing_and_printing(user: str, password: str, host: str, database: int) -> None:
    text = f"redis://{user}:{quote(password, safe='')}@{host}.example:7/{database}"
    url = BrokerURL.parse(text)
    assert (url.user, url.password, url.host, url.database) == (user, password, f"{host}.example", database)
    assert BrokerURL.parse(url.reveal()) == url


@given(password=st.text("pw:/?#@;&=%.", min_size=1, max_size=12), port=st.sampled_from(["", ":6379"]))
def test_no_unquoted_password_is_shown(password: str, port: str) -> None:
    shown = mask_url(f"redis://user:KEEP{password}OUT@h.example{port}/0")
    assert "KEEP" not in shown
    assert "OUT" not in shown


@given(st.text() | st.text("redis://@:;?#=&19[]%", max_size=40).map("redis://".__add__))
def test_any_text_is_masked_and_parsed_or_refused_in_our_words(text: str) -> None:
    assert mask_url(text) is not None
    with suppress(ConfigError):
        assert BrokerURL.parse(text).scheme
