"""Are the links of a waiting message read from its body, and only from bodies that may be opened?"""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from lazycelery_core.model import Message
from lazycelery_plugin_queues.canvas_links import LIMIT, Links, links

LINKED: dict[str, Any] = {
    "chain": [{"task": "third"}, {"task": "second"}],
    "chord": {"task": "publish"},
    "callbacks": None,
    "errbacks": [{}],
}


def wrapped(body: Any, **properties: Any) -> bytes:
    """As kombu's virtual transports write it."""
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    return json.dumps(
        {"body": encoded, "headers": {}, "properties": {"body_encoding": "base64", **properties}}
    ).encode()


def message(raw: bytes, **known: Any) -> Message:
    return replace(Message("q", 0, "id", "task", "", "", None, raw=raw, content_type="application/json"), **known)


def test_the_chain_is_told_in_the_order_it_will_run() -> None:
    found = links(message(wrapped([[], {}, LINKED])))
    assert found == Links(("second", "third"), "publish", callbacks=0, errbacks=1)


def test_a_body_without_an_envelope_is_read_as_well() -> None:
    found = links(message(json.dumps([[], {}, LINKED]).encode()))
    assert found is not None
    assert found.chord == "publish"


def test_a_task_on_its_own_has_no_links() -> None:
    assert (
        links(message(wrapped([[], {}, {"chain": None, "chord": None, "callbacks": None, "errbacks": None}])))
        == Links()
    )


def test_a_body_that_was_not_opened_stays_closed() -> None:
    assert links(message(wrapped([[], {}, LINKED]), problem="pickle is never opened")) is None
    assert links(message(wrapped([[], {}, LINKED]), content_type="application/x-python-serialize")) is None
    assert links(message(b"x" * (LIMIT + 1))) is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{}", b"[]", b"\x80\x04.", b'{"body": 7}', b'{"body": "!!"}', wrapped("text"), wrapped([1, 2, 3])],
)
def test_whatever_stands_in_a_queue_is_survived(raw: bytes) -> None:
    assert links(message(raw)) is None


def test_odd_signatures_are_named_as_unknown() -> None:
    odd = {"chain": [None, 7, {"task": 3}], "chord": "x", "callbacks": "y", "errbacks": {}}
    assert links(message(wrapped([[], {}, odd]))) == Links(("?", "?", "?"), "?")
