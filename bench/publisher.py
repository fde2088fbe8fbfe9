"""Who publishes the recorded events to Redis, as fast as asked? A process of its own, on a raw socket.

Usage: publisher.py SOCKET '{"events": ..., "rate": ..., "first": ..., "each": ...}'. rate: events a second, 0 for as
fast as Redis takes them; first: number of the first repetition; each: events a message, 0 as recorded. Prints how many
were sent and in what time.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorded import Replay, gathered

LATE = 0.5  # s; a publisher that is later than this lowers the load, and its measure says so


def publish(path: str, events: int, rate: int = 0, first: int = 0, each: int = 0) -> dict[str, float]:
    """Send so many events; returns what was sent, the seconds it took and how late the last one was."""
    replay = Replay(gathered(each) if each else (), first)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n")
        began = time.perf_counter()
        sent, worst = 0, 0.0
        for piece, count in replay.pieces(events):
            line.sendall(piece)
            sent += count
            if rate:
                ahead = began + sent / rate - time.perf_counter()
                worst = max(worst, -ahead)
                time.sleep(max(0.0, ahead))
        seconds = time.perf_counter() - began
        line.sendall(b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n*1\r\n$4\r\nPING\r\n")
        answer = b""
        while b"PONG" not in answer:
            answer += line.recv(4096)
    return {"events": sent, "seconds": seconds, "late": worst}


class Publishing:
    """A publisher at work."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @property
    def ended(self) -> bool:
        """Whether everything was sent."""
        return self._process.poll() is not None

    def result(self) -> dict[str, float]:
        """What `publish` returned; waits for the end."""
        out, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError("the publisher failed")
        return dict(json.loads(out))


@contextmanager
def publishing(path: Path, **arguments: int) -> Iterator[Publishing]:
    """A publisher in a process of its own, ended with the block."""
    command = [sys.executable, __file__, str(path), json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Publishing(process)
        finally:
            process.kill()


if __name__ == "__main__":
    print(json.dumps(publish(sys.argv[1], **json.loads(sys.argv[2]))))
