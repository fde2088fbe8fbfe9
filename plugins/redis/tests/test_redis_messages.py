"""Waiting messages and stored results are read as they are, without taking them and without running them."""

import base64
import json
import os
import pickle
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lazycelery_core.control import Peeks, StoresResults
from lazycelery_core.errors import AccessRefused
from lazycelery_core.model import Message
from lazycelery_core.redact import MASK, Redactor
from lazycelery_core.task_message import TEXT
from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.servers import Server
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis import peek
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Shared
from lazycelery_plugin_redis.message import message_of
from lazycelery_plugin_redis.peek import Peeker
from lazycelery_plugin_redis.results import HEAD, ResultStore


@pytest.fixture
def peeker(valkey: Server) -> Iterator[Peeker]:
    one = Peeker(Shared(address_of(BrokerURL.parse(valkey.url))), Layout(), Redactor())
    yield one
    one.close()


@pytest.fixture
def store(valkey: Server) -> Iterator[ResultStore]:
    one = ResultStore(Shared(address_of(BrokerURL.parse(valkey.url))), Layout())
    yield one
    one.close()


def test_abilities_fulfil_their_protocols(peeker: Peeker, store: ResultStore) -> None:
    assert isinstance(peeker, Peeks)
    assert isinstance(store, StoresResults)


def test_messages_come_in_the_order_of_their_delivery(
    valkey: Server, peeker: Peeker, celery_worker_factory: Any
) -> None:
    app = create_app(valkey.url)
    sent = {
        n: app.send_task("testing.add", (n, 0), queue="mail", priority=p).id for n, p in enumerate((9, 0, 4, 0, 9, 3))
    }
    found = peeker.peek("mail")
    expected = [sent[n] for n in (1, 3, 2, 5, 0, 4)]
    assert [message.task_id for message in found.messages] == expected
    assert [message.position for message in found.messages] == list(range(6))
    assert found.total == 6
    worker = celery_worker_factory(queues=["mail"], settings={"worker_prefetch_multiplier": 1})
    app.AsyncResult(expected[-1]).get(timeout=20)
    log = worker.log.read_text()
    received = [line for line in log.splitlines() if "] received" in line]
    assert [next(each for each in expected if each in line) for line in received] == expected


def test_pages_go_on_where_the_last_one_ended(valkey: Server, peeker: Peeker) -> None:
    app = create_app(valkey.url)
    for number in range(12):
        app.send_task("testing.add", (number, 0), queue="mail", priority=3 * (number % 3))
    whole = [message.task_id for message in peeker.peek("mail", limit=50).messages]
    pages = [peeker.peek("mail", offset, 5) for offset in (0, 5, 10)]
    assert [message.task_id for page in pages for message in page.messages] == whole
    assert [message.position for page in pages for message in page.messages] == list(range(12))
    assert not peeker.peek("mail", 12).messages
    assert not peeker.peek("nothing").messages


def test_looking_takes_nothing(valkey: Server, peeker: Peeker) -> None:
    create_app(valkey.url).send_task("testing.add", (1, 2), queue="mail")
    with valkey.client() as client:
        before = client.dump("mail")
        peeker.peek("mail")
        assert client.dump("mail") == before


def test_everything_a_message_says_is_shown(valkey: Server, peeker: Peeker) -> None:
    app = create_app(valkey.url)
    eta = datetime(2030, 1, 2, tzinfo=UTC)
    sent = app.send_task(
        "shop.pay",
        (1, "zwölf", Decimal("1.5")),
        {"note": "a" * 3000},
        queue="mail",
        priority=6,
        eta=eta,
        headers={"x-user": "u"},
    )
    (message,) = peeker.peek("mail").messages
    assert (message.task, message.task_id, message.queue) == ("shop.pay", sent.id, "mail")
    assert message.args == "(1, 'zwölf', decimal('1.5'))"
    assert message.kwargs == repr({"note": "a" * 3000})
    assert (message.priority, message.retries, message.content_type) == (6, 0, "application/json")
    assert message.eta == "2030-01-02T00:00:00+00:00"
    assert message.headers["x-user"] == "u"
    assert message.size == len(message.raw) > 3000
    assert not message.problem
    with valkey.client() as client:
        assert client.lrem("mail\x06\x166", 1, message.raw) == 1


def test_secrets_in_arguments_are_hidden_and_the_bytes_untouched(valkey: Server, peeker: Peeker) -> None:
    create_app(valkey.url).send_task("auth.login", ("joe",), {"password": "hunter2-x"}, queue="mail")
    (message,) = peeker.peek("mail").messages
    assert message.kwargs == f"{{'password': '{MASK}'}}"
    assert "hunter2-x" not in str(message.headers)
    assert b"hunter2-x" in base64.b64decode(json.loads(message.raw)["body"])


def envelope(body: bytes, content_type: str = "application/json", **headers: Any) -> bytes:
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-type": content_type,
            "headers": {"task": "t", "id": "i", "argsrepr": "(1,)", "kwargsrepr": "{}", **headers},
            "properties": {"body_encoding": "base64", "delivery_info": {"priority": 3}},
        }
    ).encode()


def message(raw: bytes) -> Message:
    return message_of(raw, "mail", 0, Redactor())


class Opened:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("echo OPENED",))


@pytest.mark.parametrize(
    "raw,problem",
    [
        (envelope(pickle.dumps(Opened()), "application/x-python-serialize"), "pickle is never opened"),
        (envelope(b"!!python/object/apply:os.system ['echo OPENED']", "application/x-yaml"), "YAML is never opened"),
        (envelope(b"?", "application/evil"), "content type not known"),
        (envelope(b"not json"), "not JSON"),
        (envelope(b"[" * 100_000), "nested too deeply"),
        (
            envelope(zlib.compress(b'"' + b"a" * (40 << 20) + b'"'), compression="application/x-gzip"),
            "larger than the limit",
        ),
        (envelope(b"5"), "not a task message"),
        (envelope(b"[]"), "not a task message"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_is_not_opened_is_told_by_its_headers(
    raw: bytes, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = message(raw)
    assert found.problem.startswith(problem)
    assert (found.task, found.task_id, found.args, found.kwargs, found.priority) == ("t", "i", "(1,)", "{}", 3)
    assert found.raw is raw
    assert "OPENED" not in capfd.readouterr().out


def test_a_compressed_body_is_opened() -> None:
    body = zlib.compress(json.dumps([[1], {"a": 2}, {}]).encode())
    found = message(envelope(body, compression="application/x-gzip"))
    assert (found.args, found.kwargs, found.problem) == ("(1,)", "{'a': 2}", "")


def test_a_message_of_the_old_protocol_is_read_from_its_body() -> None:
    body = {"task": "old.one", "id": "o1", "args": [1], "kwargs": {"b": 2}, "retries": 3, "eta": "2030-01-01T00:00:00"}
    raw = json.loads(envelope(json.dumps(body).encode()))
    raw["headers"] = {}
    found = message(json.dumps(raw).encode())
    assert (found.task, found.task_id, found.args, found.kwargs) == ("old.one", "o1", "(1,)", "{'b': 2}")
    assert (found.retries, found.eta) == (3, "2030-01-01T00:00:00")


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"{}", b'{"properties": {}}', b'{"body": 5, "properties": {}}'])
def test_what_is_no_message_is_shown_with_its_problem(raw: bytes) -> None:
    found = message(raw)
    assert found.problem
    assert found.size == len(raw)


def test_headers_of_any_type_are_no_trouble() -> None:
    hostile = {key: [1] for key in ("task", "id", "eta", "retries", "argsrepr", "kwargsrepr")}
    found = message(envelope(b"?", "?", **hostile))
    assert (found.task, found.task_id, found.args, found.retries) == ("", "", "", 0)
    assert message(envelope(json.dumps([5, None, None]).encode())).args == "5"


def test_long_arguments_are_cut() -> None:
    found = message(envelope(json.dumps([["a" * 100_000], {}, {}]).encode()))
    assert len(found.args) == TEXT + 3


def test_large_messages_make_a_smaller_page(valkey: Server, peeker: Peeker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peek, "BUDGET", 100_000)
    app = create_app(valkey.url)
    for number in range(10):
        app.send_task("testing.add", (number, "x" * 20_000), queue="mail")
    found = peeker.peek("mail")
    assert 1 <= len(found.messages) < 10
    assert "large" in found.note
    assert found.messages[0].args.startswith("(0, ")


def test_messages_beyond_all_measure_are_not_read(valkey: Server, peeker: Peeker) -> None:
    with valkey.client() as client:
        client.lpush("mail", b"x" * (20 << 20))
    found = peeker.peek("mail")
    assert (list(found.messages), found.total) == ([], 1)
    assert found.note == "messages of about 20 MiB are not read"


def test_a_limit_is_kept(valkey: Server, peeker: Peeker) -> None:
    with valkey.client() as client:
        client.lpush("mail", *([b"x"] * 300))
    assert len(peeker.peek("mail", limit=1000).messages) == peek.PAGE


def test_a_missing_right_is_named(valkey_factory: Any) -> None:
    server = valkey_factory(users=["ops on >pw +ping +llen ~*"])
    one = Peeker(
        Shared(address_of(BrokerURL.parse(server.socket_url(user="ops", password="pw")))), Layout(), Redactor()
    )
    with server.client() as client:
        client.lpush("mail", "x")
    with pytest.raises(AccessRefused) as caught:
        one.peek("mail")
    assert caught.value.right == "+lrange"
    one.close()


def test_results_are_read_back(store: ResultStore, celery_worker_factory: Any) -> None:
    worker = celery_worker_factory()
    done, failed = worker.app.send_task("testing.add", (1, 2)), worker.app.send_task("testing.fail")
    done.get(timeout=20)
    failed.get(timeout=20, propagate=False)
    found = store.results([done.id, failed.id, "unknown", done.id])
    assert found.keys() == {done.id, failed.id}
    assert json.loads(found[done.id])["result"] == 3
    assert json.loads(found[failed.id])["status"] == "FAILURE"


def test_an_oversized_result_is_never_loaded_whole(valkey: Server, store: ResultStore) -> None:
    with valkey.client() as client:
        client.set("celery-task-meta-big", json.dumps({"status": "SUCCESS", "result": "r" * (80 << 20)}))
        before = int(client.info("stats")["total_net_output_bytes"])
        found = json.loads(store.results(["big"])["big"])
        assert int(client.info("stats")["total_net_output_bytes"]) - before < 1 << 20
    assert (found["task_id"], found["status"]) == ("big", "SUCCESS")
    assert found["result"].endswith("bytes in all)")
    assert len(found["result"]) < HEAD + 100


def test_no_more_ids_than_a_page_are_asked(valkey: Server, store: ResultStore) -> None:
    with valkey.client() as client:
        client.mset({f"celery-task-meta-{number}": "{}" for number in range(300)})
    assert len(store.results([str(number) for number in range(300)])) == 200
    assert store.results([]) == {}


def test_a_line_that_the_broker_closed_comes_back_unnoticed(valkey_factory: Any) -> None:
    server = valkey_factory()
    one = ResultStore(Shared(address_of(BrokerURL.parse(server.url))), Layout())
    assert one.results(["x"]) == {}
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert one.results(["x"]) == {}
    one.close()
