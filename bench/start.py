"""T11: how long until the first frame, against an empty Textual app, and what has been imported by then?

Both in a 120x40 pty, spawned in turn, with compiled modules as installers leave them. The first frame is the one that
shows the program's own text; our broker is one that nobody listens to, because the first frame must not wait for it.
"""

import sys
import tempfile
from pathlib import Path

from measure import Measure
from size import Size
from terminal import Terminal
from turns import Figures, median

HEAVY = ("celery", "kombu", "redis", "numpy", "amqp", "hiredis", "pluggy", "zstandard", "lark")
EMPTY = """
from textual.app import App
from textual.screen import Screen
class Blank(Screen):
    def render(self):
        return "EmptyApp"
class Empty(App):
    def get_default_screen(self):
        return Blank()
Empty().run()
"""
OURS = """
import sys
from lazycelery_core.cli import main
main()
"""
# The same program, with a note of what is imported when the first frame goes out.
NOTED = """
import sys
from textual.drivers.linux_driver import LinuxDriver
write, listed = LinuxDriver.write, sys.argv.pop()
def noting(self, data):
    if "LazyCelery" in data and not noting.done:
        noting.done = True
        open(listed, "w").write("\\n".join(sys.modules))
    write(self, data)
noting.done = False
LinuxDriver.write = noting
from lazycelery_core.cli import main
main()
"""
BROKER = "redis+socket:///nowhere/v.sock"


def run(size: Size) -> list[Measure]:
    """The time and the CPU time of both, and a list of heavy modules."""
    ours: list[Figures] = []
    empty: list[Figures] = []
    with tempfile.TemporaryDirectory() as home:
        for turn in range(size.starts + 1):
            both = (
                _start(["-c", OURS, "--broker", BROKER], b"LazyCelery", home),
                _start(["-c", EMPTY], b"EmptyApp", home),
            )
            if turn:  # the first one warms the file cache, and compiles
                ours.append(both[0])
                empty.append(both[1])
        loaded = _loaded_at_first_frame(Path(home))
    heavy = [name for name in HEAVY if name in loaded]
    note = f"empty Textual app; 120x40 pty, {size.starts} starts in turn"
    return [
        Measure("T11 first frame", median(ours, "ms"), median(empty, "ms"), "ms", "ratio <= 1.3", note),
        Measure(
            "T11 first frame, CPU", median(ours, "cpu_ms"), median(empty, "cpu_ms"), "ms", "ratio <= 1.3",
            "empty Textual app; all threads, until the frame was there",
        ),
        Measure(
            "T11 heavy modules at the first frame", len(heavy), None, "modules", "ours <= 0",
            f"of {', '.join(HEAVY)}" + (f"; found {', '.join(heavy)}" if heavy else ""),
        ),
    ]  # fmt: skip


def _start(arguments: list[str], text: bytes, home: str) -> Figures:
    with Terminal([sys.executable, *arguments], _at_home(home)) as terminal:
        shown = terminal.shows(text)
        return {"ms": 1e3 * (shown - terminal.began), "cpu_ms": 1e3 * terminal.cpu}


def _loaded_at_first_frame(home: Path) -> set[str]:
    listed = home / "modules"
    with Terminal([sys.executable, "-c", NOTED, "--broker", BROKER, str(listed)], _at_home(str(home))) as terminal:
        terminal.shows(b"LazyCelery")
    return set(listed.read_text().split())


def _at_home(home: str) -> dict[str, str]:
    """Folders of its own; modules are compiled once, whatever the environment of this machine says."""
    folders = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "PYTHONPYCACHEPREFIX"), home)
    return {**folders, "PYTHONDONTWRITEBYTECODE": ""}
