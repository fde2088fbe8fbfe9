"""Which pages are made from the code, and are they up to date? This script writes them; a test compares.

python docs/generate.py          write all of them
python docs/generate.py --check  say which are out of date; exit code 1 if any is
"""

import ast
import inspect
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lazycelery_core import action, control, decode, events, hookspecs, model, pane, projection, source
from lazycelery_core.cli.keys import page
from lazycelery_core.config import config_example, loads
from lazycelery_core.launcher import keymap
from lazycelery_core.plugins import BUNDLED, Plugins
from lazycelery_core.query import reference
from lazycelery_core.testing.conformance import BrokerConformance
from lazycelery_core.testing.tested_broker import TestedBroker

HERE = Path(__file__).parent
HOOKS = """\
# Hooks

<!-- Made by `python docs/generate.py`; edit hookspecs.py and the contracts, not this page. -->

A plugin is a module with some of these functions, each marked with `@hookimpl`, named by an entry point in the group
`{group}`. Each is called once, alone, before or while the first frame is drawn. It must not block; an
empty answer is fine. A plugin that asks for another host is refused with a sentence: by the range of `lazycelery-core`
that its distribution depends on, or by another API than {api} as `LAZYCELERY_API` in its module.

[How to write a plugin](write-a-plugin.md) has the shortest one, and what to test it with.
"""
CONTRACTS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    (
        "Panes and tabs",
        "Drawn from a snapshot alone: no clock, no broker, no Textual. All of it is in `lazycelery_core.pane`.",
        (pane.View, pane.Slot, pane.Pane, pane.TablePane, pane.Column, pane.Rows, pane.CanvasPane, pane.DetailPane,
         pane.DetailTab, pane.DetailLine, pane.DrawContext),
    ),
    (
        "Actions",
        "Data too: key, footer, menu, palette, command line and help are made from it. In `lazycelery_core.action`.",
        (action.Action, action.Risk, action.Go, action.Open, action.Copy, action.Sent),
    ),
    ("Sources", "Where events come from. In `lazycelery_core.source`.", (source.Source,)),
    ("Projections", "State of a plugin's own. In `lazycelery_core.projection`.", (projection.Projection,)),
)  # fmt: skip
BROKER = """\
# What a broker's plugin must do

<!-- Made by `python docs/generate.py`; edit the contracts and the suite, not this page. -->

[How to write one](write-a-broker.md) says in which order. This page has every contract it has to keep, and every test
of the suite that tries them, in `lazycelery_core.testing.conformance`.
"""
BROKER_CONTRACTS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("Sources", "A stream of events, and a poller of queues. In `lazycelery_core.source`.", (source.Source,)),
    (
        "What sources deliver",
        "Events of tasks and workers are decoded (below); the rest a source makes itself. In `lazycelery_core.events`.",
        (events.QueueSample, events.QueueGone, events.RoutingSample),
    ),
    (
        "Abilities",
        "What can be asked of a deployment, and what it can be told. In `lazycelery_core.control`.",
        (control.Level, control.Inspects, control.Controls, control.NodeReply, control.Replies, control.Peeks,
         control.Peek, control.StoresResults, control.Diagnoses, control.Finding, control.Counts),
    ),
    ("Waiting messages", "As a peek returns them. In `lazycelery_core.model`.", (model.Message,)),
    ("The broker under test", "In `lazycelery_core.testing.tested_broker`.", (TestedBroker,)),
)  # fmt: skip
CONFIG = """\
# The configuration file

<!-- Made by `python docs/generate.py`; edit the types of the settings, not this page. -->

One TOML file, `~/.config/lazycelery/config.toml` unless `--config` or LAZYCELERY_CONFIG says otherwise; none is needed.
`lazycelery config check` names every mistake with its line, `lazycelery config show` prints what is in effect without
secrets, `lazycelery config example` prints this:

```toml
{example}```

Passwords don't belong into it: use `password_command`, `password_file` or the variable that `config check` names. What
can be put on the command line instead is in `lazycelery --help`; keys are in [keys.md](keys.md).
"""


def hooks_page() -> str:
    """docs/hooks.md: the hooks, then what they return."""
    parts = [HOOKS.format(group=hookspecs.GROUP, api=hookspecs.API_VERSION)]
    parts += [_hook(function) for name, function in vars(hookspecs).items() if name.startswith("lazycelery_")]
    for title, words, kinds in CONTRACTS:
        parts += [f"## {title}\n\n{words}\n", *map(_contract, kinds)]
    return "\n".join(parts)


def _hook(function: Any) -> str:
    lines = inspect.getsource(function).split("\n")
    code = next(line for line in lines if line.startswith("def ")).partition("  #")[0].replace('"', "").rstrip(":")
    return f"## `{function.__name__}`\n\n```python\n{code}\n```\n\n{inspect.getdoc(function)}\n"


def _contract(kind: type) -> str:
    """What a class says, then its members as they stand in the code, without bodies."""
    code = "\n".join(_members(inspect.getsource(kind)))
    return f"### `{kind.__name__}`\n\n{inspect.getdoc(kind)}\n\n```python\n{code}\n```\n"


def _members(source_code: str) -> list[str]:
    lines = source_code.rstrip().split("\n")
    shown = [lines[ast.parse(source_code).body[0].lineno - 1]]
    for node in _class(source_code).body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        if isinstance(node, ast.FunctionDef):
            public = not node.name.startswith("_")
            blank = [""] if len(shown) > 1 else []
            shown += [*blank, *lines[first - 1 : node.body[0].end_lineno]] if public else []
        elif not isinstance(node, ast.Expr):  # an expression is the docstring
            shown += lines[first - 1 : node.end_lineno]
    return shown


def _class(source_code: str) -> ast.ClassDef:
    found = ast.parse(source_code).body[0]
    assert isinstance(found, ast.ClassDef)
    return found


def broker_page() -> str:
    """docs/broker-contract.md: what a broker's plugin is held to, and by which tests."""
    parts = [BROKER]
    for title, words, kinds in BROKER_CONTRACTS:
        parts += [f"## {title}\n\n{words}\n", *map(_contract, kinds)]
    decoders = "\n".join(map(_decoder, (decode.add_events, decode.events_of, decode.meta_of)))
    tests = [name for name in vars(BrokerConformance) if name.startswith("test_")]
    listed = "\n".join(f"- {name.removeprefix('test_').replace('_', ' ')}" for name in tests)
    return "\n".join(
        [*parts, f"## Decoders\n\nIn `lazycelery_core.decode`.\n\n{decoders}", f"## The suite\n\n{listed}\n"]
    )


def _decoder(function: Any) -> str:
    return f"```python\n{function.__name__}{inspect.signature(function)}\n```\n\n{inspect.getdoc(function)}\n"


def config_page() -> str:
    """docs/config.md: every setting of the host and of the standard plugins."""
    plugins = Plugins()
    plugins.load()
    kinds = {each.name: type(each.settings) for each in plugins.found if each.bundled and each.settings is not None}
    return CONFIG.format(example=config_example({name: kinds[name] for name in sorted(kinds, key=BUNDLED.index)}))


def keys_page() -> str:
    """docs/keys.md: every key of the host and of the standard plugins."""
    plugins = Plugins()
    plugins.load()
    return page(keymap(loads(""), plugins))


def performance_page() -> str:
    """docs/performance.md: what is promised, with the figures of the last bench."""
    return str(runpy.run_path(str(HERE / "promised.py"))["page"]())


PAGES: dict[str, Callable[[], str]] = {
    "broker-contract.md": broker_page,
    "config.md": config_page,
    "filter-language.md": reference.markdown,
    "hooks.md": hooks_page,
    "keys.md": keys_page,
    "performance.md": performance_page,
}


def stale() -> list[str]:
    """The pages that are not what the code says."""
    found = ((HERE / name, make()) for name, make in PAGES.items())
    return [path.name for path, text in found if not path.exists() or path.read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write or check the pages; the exit code."""
    if arguments == ["--check"]:
        print("\n".join(f"docs/{name} is out of date: python docs/generate.py" for name in stale()))
        return int(bool(stale()))
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
