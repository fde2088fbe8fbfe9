"""Does a plugin that misbehaves when it is loaded or asked cost only itself, and is it named?

Each is an installed distribution of its own. data/hostile_plugins.jsonl lists what has to be survived; what draws and
what runs behind the screen is tried in test_hostile_panes.py. Some of it can't happen here at all, because plugins
bring no widgets and no style sheets.
"""

import json
import re
from pathlib import Path

import pytest

from lazycelery_core import hookspecs, pane
from lazycelery_core.testing.site import Site

BUNDLED = {"amqp", "cluster", "demo", "doctor", "queues", "redis", "tasks", "workers"}
HOOKIMPL = "from lazycelery_core.hookspecs import hookimpl\n"
ACTION = """
from lazycelery_core.action import Action
from lazycelery_core.hookspecs import hookimpl
@hookimpl
def lazycelery_actions(settings):
    return [Action("bad.verb", "do it", lambda control, targets: None)]
"""


def listed(site: Site, name: str) -> str:
    """What `lazycelery plugins` says about a plugin; all standard ones have to be loaded."""
    listing = site.lazycelery("plugins").stdout
    assert "Traceback" not in listing
    assert set(re.findall(r"^✓ (\w+) +\S+ +loaded", listing, re.MULTILINE)) >= BUNDLED, listing
    found = re.search(rf"^. {name} .*(?:\n    .*)?", listing, re.MULTILINE)
    assert found is not None, listing
    return found[0]


LISTED = {
    "import-error": ("raise RuntimeError('no luck')", {}, "failed", "RuntimeError at import: no luck"),
    "import-exit": ("import sys; sys.exit(3)", {}, "failed", "SystemExit at import: 3"),
    "hook-raises": (
        HOOKIMPL + "@hookimpl\ndef lazycelery_panes(settings):\n    raise ValueError('no luck')",
        {}, "loaded", "ValueError in lazycelery_panes: no luck",
    ),
    "name-taken": (
        ACTION, {"name": "redis", "dist": "evil"}, "refused",
        "the name redis belongs to lazycelery-plugin-redis, but evil claims it",
    ),
    "api-old": ("LAZYCELERY_API = 0\n" + ACTION, {}, "refused", "it asks for host API 0, this host speaks 1"),
    "unknown-hook": (
        HOOKIMPL + "@hookimpl\ndef lazycelery_acttions(settings):\n    return []",
        {}, "refused", "lazycelery_acttions",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LISTED)
def test_it_is_named_with_its_fault_and_every_other_plugin_loads(site: Site, case: str) -> None:
    code, where, state, fault = LISTED[case]
    name = where.get("name", "bad")
    site.install(name, code, where.get("dist", ""))
    line = listed(site, name) if name == "bad" else site.lazycelery("plugins").stdout
    assert re.search(rf"^. {name} +6\.6\.6 +{state} ", line, re.MULTILINE), line
    assert fault in line


@pytest.mark.parametrize("case", LISTED)
def test_commands_go_on_without_it_and_say_so(site: Site, case: str, broker_url: str) -> None:
    code, where, state, fault = LISTED[case]
    site.install(where.get("name", "bad"), code, where.get("dist", ""))
    done = site.lazycelery("--broker", broker_url, "workers", "--seconds", "0.2")
    what = "has a fault" if state == "loaded" else "is not used"
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("lazycelery: Plugin "))
    assert said.startswith(f"lazycelery: Plugin {where.get('name', 'bad')} of {where.get('dist', 'lc-bad')} {what}: ")
    assert fault in said
    assert "heard in" in done.stderr


def test_a_distribution_made_for_another_host_is_not_even_imported(site: Site) -> None:
    site.install("bad", "raise SystemExit('imported')", requires="lazycelery-core>=7,<8")
    line = listed(site, "bad")
    assert "refused" in line
    assert "it asks for lazycelery-core <8,>=7, this is 0.1.0" in line


def test_two_strangers_with_one_name_are_both_refused_and_both_named(site: Site) -> None:
    site.install("twin", ACTION, dist="one")
    site.install("twin", ACTION, dist="two")
    listing = site.lazycelery("plugins").stdout
    assert listing.count("the name twin is claimed by one and two") == 2


def test_damaged_metadata_costs_nobody_else(site: Site) -> None:
    site.install("bad", ACTION)
    (site.folder / "lc_bad-6.6.6.dist-info" / "METADATA").write_bytes(b"\xff\x00 no metadata")
    site.install("worse", ACTION)
    (site.folder / "lc_worse-6.6.6.dist-info" / "METADATA").unlink()
    assert "loaded" in listed(site, "bad")


def test_a_slow_import_is_measured(site: Site) -> None:
    """import-slow; that the screen does not wait for it is tried in test_hostile_panes.py."""
    site.install("bad", "import threading; threading.Event().wait(0.3)\n" + ACTION)
    taken = re.search(r"loaded +(\d+) ms", listed(site, "bad"))
    assert taken is not None
    assert int(taken[1]) >= 300


def test_a_key_of_the_host_stays_the_hosts_and_the_conflict_is_listed(site: Site) -> None:
    """key-taken."""
    site.install("bad", ACTION + "@hookimpl\ndef lazycelery_keybindings(settings):\n    return {'bad.verb': 'q'}\n")
    keys = site.lazycelery("keys")
    assert re.search(r"^  q  Ctrl\+Q +app\.quit ", keys.stdout, re.MULTILINE)
    assert "unbound, q: conflict with app.quit" in keys.stdout
    assert "bad.verb wants q, which app.quit has" in keys.stderr


def test_it_says_nothing_unsafe_even_about_itself(site: Site) -> None:
    site.install("bad", "raise RuntimeError('\\x1b]0;owned\\x07\\nsecond line')")
    assert "\x1b" not in site.lazycelery("plugins").stdout


def test_plugins_bring_no_style_sheets_so_none_can_be_broken_or_greedy() -> None:
    """css-broken, css-greedy: there is nothing to bring one with, and no widget to hang it on."""
    assert not [name for name in vars(hookspecs) if "css" in name.lower() or "style" in name.lower()]
    kinds = [getattr(pane, name) for name in pane.__all__]
    textual = [kind for kind in kinds if isinstance(kind, type) and "textual" in kind.__module__]
    assert textual == []
    assert not [kind for kind in kinds if any("css" in member.lower() for member in dir(kind))]


def test_every_case_of_the_list_is_tried() -> None:
    tried = Path(__file__).read_text("utf-8") + Path(__file__).with_name("test_hostile_panes.py").read_text("utf-8")
    cases = (Path(__file__).parent / "data" / "hostile_plugins.jsonl").read_text("utf-8").splitlines()
    assert [case for line in cases if (case := json.loads(line)["id"]) not in tried] == []


def test_a_secret_in_what_a_plugin_says_is_hidden(site: Site) -> None:
    site.install("bad", "raise RuntimeError('no luck with redis://u:pw-in-url@h/0')")
    assert "no luck with redis://u:••••••@h/0" in listed(site, "bad")
