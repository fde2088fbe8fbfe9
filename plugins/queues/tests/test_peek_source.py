"""Is the queue on the screen peeked at, and only that one?"""

from collections.abc import Sequence
from typing import cast

import pytest

from lazycelery_core.control import Control, Level, Peek, PeekPrice, Peeks
from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.events import Event
from lazycelery_core.model import Message
from lazycelery_plugin_queues.projection import KEPT, LastPeeks
from lazycelery_plugin_queues.settings import QueuesSettings
from lazycelery_plugin_queues.source import NOBODY, Looks, PeekSource, QueuePeeked

NOW = 1_700_000_000.0
SHOWN = frozenset({"view:queues", "queue:media"})


class Peeker:
    """Answers every peek with one message and writes down what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self._error = error
        self.cost: PeekPrice | None = None

    def price(self, queue: str) -> PeekPrice | None:
        return self.cost

    def peek(self, queue: str, offset: int = 0, limit: int = 50) -> Peek:
        self.asked.append((queue, offset, limit))
        if self._error is not None:
            raise self._error
        return Peek([Message(queue, 0, "id", "task", "()", "{}", 0)], 7)


def source(peeker: Peeks | None, settings: QueuesSettings | None = None) -> PeekSource:
    made = PeekSource(settings or QueuesSettings())
    made.bind(Control((peeker,) if peeker else ()), Level.PASSIVE)
    made.open()
    return made


def reported(queue: str, error: str = "") -> list[Event]:
    """One report of the source: an event of the plugin's own kind."""
    return [cast("Event", QueuePeeked(queue, None if error else Peek([], 1), error))]


def read(made: PeekSource) -> Sequence[object]:
    """What comes within half a second; the first peek waits a moment for the cursor to stand still."""
    return next((events for _ in range(10) if (events := made.read(0.05))), ())


def test_the_queue_under_the_cursor_is_peeked_at() -> None:
    peeker = Peeker()
    made = source(peeker)
    made.focus(SHOWN)
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert event.peek is not None
    assert (event.queue, event.peek.total, event.error) == ("media", 7, "")
    assert peeker.asked == [("media", 0, 50)]


@pytest.mark.parametrize(
    "topics", [(), ("view:overview", "queue:media"), ("view:queues",), ("view:queues", "worker:w")]
)
def test_nothing_is_read_while_no_queue_view_is_shown(topics: Sequence[str]) -> None:
    peeker = Peeker()
    made = source(peeker)
    made.focus(frozenset(topics))
    assert (read(made), peeker.asked) == ((), [])


def test_between_two_peeks_lies_the_set_time_unless_a_refresh_is_asked_for() -> None:
    peeker = Peeker()
    made = source(peeker, QueuesSettings(every=3600.0))
    made.focus(SHOWN)
    assert read(made)
    assert not read(made)
    made.refresh()
    assert read(made)
    assert len(peeker.asked) == 2


def test_another_queue_is_peeked_at_once_the_cursor_is_there() -> None:
    peeker = Peeker()
    made = source(peeker, QueuesSettings(every=3600.0))
    for name in ("media", "default"):
        made.focus(frozenset({"view:queues", f"queue:{name}"}))
        assert read(made)
    assert [queue for queue, _, _ in peeker.asked] == ["media", "default"]


@pytest.mark.parametrize("wanted, asked", [(0, 1), (50, 50), (10**6, 200)])
def test_a_page_is_never_larger_than_the_protocol_allows(wanted: int, asked: int) -> None:
    peeker = Peeker()
    made = source(peeker, QueuesSettings(peek=wanted))
    made.focus(SHOWN)
    read(made)
    assert peeker.asked[0][2] == asked


def test_a_refusal_is_told_in_the_pane() -> None:
    made = source(Peeker(AccessRefused("The credential may not read queue media.")))
    made.focus(SHOWN)
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert event.error == "The credential may not read queue media."


def test_a_dead_line_is_left_to_the_supervisor() -> None:
    made = source(Peeker(SourceError("The broker is gone.")))
    made.focus(SHOWN)
    with pytest.raises(SourceError):
        read(made)


def test_a_broker_that_nobody_can_peek_at_says_so() -> None:
    made = source(None)
    made.focus(SHOWN)
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert event.error == NOBODY


# --- where a look has its price ---------------------------------------------------------------------------------------

MARK = PeekPrice("Marks them as redelivered.", limit=20)
MOVES = PeekPrice("Moves them to the end.", limit=5, needs_confirmation=True, remaining=3)


def priced(cost: PeekPrice) -> tuple[Peeker, PeekSource, Looks]:
    peeker = Peeker()
    peeker.cost = cost
    made = source(peeker)
    (looks,) = made.abilities(Level.READ_ONLY)
    assert isinstance(looks, Looks)
    made.focus(SHOWN)
    return peeker, made, looks


@pytest.mark.parametrize("cost", [MARK, MOVES])
def test_nothing_is_looked_at_before_the_price_is_known_and_a_look_is_wanted(cost: PeekPrice) -> None:
    peeker, made, _ = priced(cost)
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert (event.peek, event.error, event.price) == (None, "", cost)
    made.refresh()
    read(made)
    assert peeker.asked == []


def test_a_wanted_look_is_taken_once_and_no_larger_than_its_price_allows() -> None:
    peeker, made, looks = priced(MARK)
    looks.want("media")
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert event.peek is not None
    assert event.price == MARK
    made.refresh()
    read(made)
    assert peeker.asked == [("media", 0, 20)]


@pytest.mark.parametrize("cost", [MOVES, PeekPrice("A stream.", refusal="Streams can't be looked at.")])
def test_a_key_alone_never_pays_what_has_to_be_confirmed_or_is_refused(cost: PeekPrice) -> None:
    peeker, made, looks = priced(cost)
    looks.want("media")
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert event.price == cost
    assert peeker.asked == []


def test_a_confirmed_look_is_taken_at_once_and_reported_by_the_source() -> None:
    peeker, made, looks = priced(MOVES)
    assert looks.look(peeker, "media").total == 7
    assert peeker.asked == [("media", 0, 5)]
    (event,) = read(made)
    assert isinstance(event, QueuePeeked)
    assert event.peek is not None


def test_the_price_of_the_next_look_leaves_what_was_seen() -> None:
    peeks = LastPeeks()
    peeks.apply([cast("Event", QueuePeeked("q", Peek([], 4), price=MARK))], NOW)
    peeks.apply([cast("Event", QueuePeeked("q", None, price=MOVES))], NOW + 9)
    kept = peeks.view()["q"]
    assert kept.peek is not None
    assert (kept.at, kept.price) == (NOW, MOVES)


def test_the_last_peek_of_the_queues_looked_at_last_is_kept() -> None:
    peeks = LastPeeks()
    for number in range(KEPT + 3):
        peeks.apply(reported(f"q{number}"), NOW + number)
    before = peeks.view()
    assert list(before) == [f"q{number}" for number in range(3, KEPT + 3)]
    assert before["q5"].at == NOW + 5
    peeks.apply(reported("q3", "refused"), NOW + 99)
    assert list(peeks.view())[-1] == "q3"
    assert before["q3"].error == "", "a view that was handed out never changes"
