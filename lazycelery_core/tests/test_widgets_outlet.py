"""Does everything arrive, whole and in order, also at a terminal that is slower than the program?"""

import os
import pty
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

import pytest

from lazycelery_core.testing.processes import wait_until
from lazycelery_core.widgets.metered import metered
from lazycelery_core.widgets.outlet import Outlet

LONG = "".join(f"line {number:06} é\r\n" for number in range(20_000))  # far more than a terminal takes unread


@contextmanager
def opened(descriptor: int, encoding: str = "utf-8") -> Iterator[TextIOWrapper]:
    with open(descriptor, "w", encoding=encoding, errors="replace", newline="") as file:
        yield file


@contextmanager
def outlet_to(descriptor: int, encoding: str = "utf-8") -> Iterator[Outlet]:
    with opened(descriptor, encoding) as file:
        outlet = Outlet(file)
        outlet.start()
        try:
            yield outlet
        finally:
            outlet.stop()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, slave
    os.close(master)


class Reading(threading.Thread):
    """Reads so many bytes, once `go` is set."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__(daemon=True)
        self._descriptor, self._size = descriptor, size
        self.go, self.got = threading.Event(), b""

    def run(self) -> None:
        self.go.wait(30)
        while len(self.got) < self._size and (data := os.read(self._descriptor, 1 << 16)):
            self.got += data


def test_what_a_terminal_takes_is_there_before_write_returns(terminal: tuple[int, int]) -> None:
    with outlet_to(terminal[1]) as outlet:
        outlet.write("a frame é")
        os.set_blocking(terminal[0], False)
        assert os.read(terminal[0], 100).decode() == "a frame é"


def test_a_slow_terminal_gets_everything_in_order(terminal: tuple[int, int]) -> None:
    data = (LONG + "and more" + LONG).encode()
    reading = Reading(terminal[0], len(data))
    reading.start()
    with outlet_to(terminal[1]) as outlet:
        for text in (LONG, "and more", LONG):
            outlet.write(text)  # nobody reads, and nobody waits
        reading.go.set()
        reading.join(60)
    assert reading.got == data


def test_what_is_no_terminal_is_written_to_as_well() -> None:
    reader, writer = os.pipe()
    reading = Reading(reader, len(LONG.encode()))
    reading.go.set()
    reading.start()
    with outlet_to(writer) as outlet:
        outlet.write(LONG)
    reading.join(60)
    assert reading.got == LONG.encode()
    os.close(reader)


def test_the_encoding_is_the_terminal_s(terminal: tuple[int, int]) -> None:
    with outlet_to(terminal[1], "latin-1") as outlet:
        outlet.write("é☃")
        assert os.read(terminal[0], 100) == b"\xe9?"


def test_a_pipe_whose_reader_has_gone_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with outlet_to(writer) as outlet:
        outlet.write("lost")
        wait_until(lambda: not outlet.is_alive(), "the thread to give up", 20)
        for _ in range(100):
            outlet.write("lost, too")


class Noting:
    """A driver that keeps what is written."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, data: str) -> None:
        self.texts.append(data)


def test_a_frame_is_written_in_one_piece() -> None:
    sizes: list[int] = []
    kind: Any = Noting
    made: Any = metered(kind, sizes.append, lambda: None)
    driver = made()
    for piece in ("before", "\x1b[?2026h", "inside", "\x1b[?2026l", "after"):
        driver.write(piece)
    assert driver.texts == ["before", "\x1b[?2026hinside\x1b[?2026l", "after"]
    assert sizes == [len(text) for text in driver.texts]
