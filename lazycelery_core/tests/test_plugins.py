"""Does a plugin that misbehaves cost only itself? (in-process modules; real distributions are tested at the top)"""

import importlib.metadata
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest

from lazycelery_core.action import Action
from lazycelery_core.errors import ConfigError
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.plugins import Plugins, PluginState


class FakeDist(importlib.metadata.Distribution):
    """A distribution that only has a name and a version."""

    def __init__(self, name: str, *requires: str) -> None:
        self._told = Message()
        for key, value in (("Name", name), ("Version", "1.0"), *(("Requires-Dist", each) for each in requires)):
            self._told[key] = value

    @property
    def metadata(self) -> Any:
        return self._told

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: Any) -> Any:
        return path


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., importlib.metadata.EntryPoint]:
    """install(name, hooks, dist) -> an entry point of a module with these functions as hookimpls."""

    def add(name: str, dist: str = "", **members: Any) -> importlib.metadata.EntryPoint:
        module = types.ModuleType(f"fake_{name}_{len(dist)}")
        for member, value in members.items():
            setattr(module, member, hookimpl(value) if member.startswith("lazycelery_") else value)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        point = importlib.metadata.EntryPoint(name, module.__name__, "lazycelery.plugins")
        vars(point).update(dist=FakeDist(dist or f"dist-{name}"))
        return point

    return add


Install = Callable[..., importlib.metadata.EntryPoint]


def action(name: str) -> Action:
    return Action(name, name, lambda control, targets: None)


def good(settings: Any) -> list[Action]:
    return [action("good.verb")]


def loaded(*points: importlib.metadata.EntryPoint, **options: Any) -> Plugins:
    plugins = Plugins(entry_points=points, **options)
    plugins.load()
    return plugins


def states(plugins: Plugins) -> dict[str, PluginState]:
    return {plugin.name: plugin.state for plugin in plugins.found}


def test_a_good_plugin_is_loaded_and_its_answers_carry_its_name(install: Install) -> None:
    plugins = loaded(install("good", lazycelery_actions=good))
    assert states(plugins) == {"good": PluginState.LOADED}
    assert [(each.name, each.plugin) for each in plugins.actions] == [("good.verb", "good")]
    assert plugins.found[0].brings["actions"] == ["good.verb"]


def raising(settings: Any) -> list[Action]:
    raise ValueError("no luck")


def raising_half_way(settings: Any) -> Iterator[Action]:
    yield action("bad.verb")
    raise ValueError("no luck")


@pytest.mark.parametrize("hook", [raising, raising_half_way])
def test_a_hook_that_raises_costs_only_its_own_answer(install: Install, hook: Any) -> None:
    plugins = loaded(install("bad", lazycelery_actions=hook), install("good", lazycelery_actions=good))
    assert [each.name for each in plugins.actions] == ["good.verb"]
    bad = plugins.named("bad")
    assert bad is not None
    assert "no luck" in bad.error
    assert plugins.health.counts == {"bad": 1}


def test_an_answer_of_the_wrong_kind_is_left_out_and_named(install: Install) -> None:
    plugins = loaded(install("odd", lazycelery_actions=lambda settings: [42, action("odd.verb")]))
    assert [each.name for each in plugins.actions] == ["odd.verb"]
    assert "returned a int" in plugins.health.incidents[0].error


def test_an_unknown_hook_is_refused_by_name(install: Install) -> None:
    plugins = loaded(install("typo", lazycelery_acttions=good), install("good", lazycelery_actions=good))
    typo = plugins.named("typo")
    assert typo is not None
    assert typo.state is PluginState.REFUSED
    assert "lazycelery_acttions" in typo.error
    assert [each.name for each in plugins.actions] == ["good.verb"]


def test_another_host_api_is_refused_with_what_it_asked_for(install: Install) -> None:
    plugins = loaded(install("old", LAZYCELERY_API=0, lazycelery_actions=good))
    assert states(plugins) == {"old": PluginState.REFUSED}
    assert "API 0" in plugins.found[0].error
    assert plugins.actions == []


@pytest.mark.parametrize("asked", ["lazycelery-core<0.1", "LazyCelery_Core >=9", "lazycelery.core==99.*"])
def test_a_distribution_made_for_another_host_is_refused_before_it_is_imported(install: Install, asked: str) -> None:
    point = install("ahead", lazycelery_actions=good)
    vars(point).update(dist=FakeDist("ahead", asked))
    del sys.modules[point.value]
    plugins = loaded(point)
    wanted = asked.lower().removeprefix("lazycelery").lstrip("-_. core")
    assert plugins.found[0].state is PluginState.REFUSED
    assert f"asks for lazycelery-core {wanted}, this is " in plugins.found[0].error


@pytest.mark.parametrize(
    "asked", ["lazycelery-core>=0.1", "lazycelery-core", "lazycelery-core>=9; extra == 'new'", "lazycelery-core (!!)"]
)
def test_a_distribution_that_asks_for_no_other_host_is_loaded(install: Install, asked: str) -> None:
    point = install("fits", lazycelery_actions=good)
    vars(point).update(dist=FakeDist("fits", asked))
    assert states(loaded(point)) == {"fits": PluginState.LOADED}


def test_a_module_that_is_not_there_fails_alone(install: Install) -> None:
    ghost = importlib.metadata.EntryPoint("ghost", "no_such_module_anywhere", "lazycelery.plugins")
    vars(ghost).update(dist=FakeDist("ghost"))
    plugins = loaded(ghost, install("good", lazycelery_actions=good))
    assert states(plugins) == {"ghost": PluginState.FAILED, "good": PluginState.LOADED}


def test_a_bundled_name_is_reserved_and_both_distributions_are_named(install: Install) -> None:
    plugins = loaded(install("redis", dist="evil", lazycelery_actions=good))
    assert plugins.found[0].state is PluginState.REFUSED
    assert "lazycelery-plugin-redis" in plugins.found[0].error
    assert "evil" in plugins.found[0].error


def test_two_distributions_with_one_name_are_both_refused(install: Install) -> None:
    plugins = loaded(install("same", dist="one", lazycelery_actions=good), install("same", dist="other"))
    assert [plugin.state for plugin in plugins.found] == [PluginState.REFUSED] * 2
    assert all("one and other" in plugin.error for plugin in plugins.found)


def test_a_plugin_that_is_switched_off_is_not_even_imported(install: Install) -> None:
    point = install("off", lazycelery_actions=good)
    del sys.modules[point.value]
    plugins = loaded(point, switched_off={"off": "enabled = false"})
    assert (plugins.found[0].state, plugins.found[0].error) == (PluginState.DISABLED, "enabled = false")


@dataclass
class Settings:
    greeting: str = "hello"


def test_settings_are_read_by_type_and_passed_to_the_other_hooks(install: Install) -> None:
    point = install(
        "polite",
        lazycelery_settings=lambda: Settings,
        lazycelery_actions=lambda settings: [action(f"polite.{settings.greeting}")],
    )
    plugins = loaded(point, read_settings=lambda name, kind: kind("good_day"))
    assert [each.name for each in plugins.actions] == ["polite.good_day"]


def test_wrong_settings_switch_only_their_plugin_off(install: Install) -> None:
    def wrong(name: str, kind: type) -> Any:
        raise ConfigError("plugins.polite.greting: unknown, did you mean greeting?")

    polite = install("polite", lazycelery_settings=lambda: Settings, lazycelery_actions=good)
    plugins = loaded(polite, install("good", lazycelery_actions=good), read_settings=wrong)
    assert states(plugins) == {"polite": PluginState.FAILED, "good": PluginState.LOADED}
    assert "did you mean" in plugins.found[1].error


def test_a_slow_plugin_does_not_hold_up_the_others(install: Install) -> None:
    release, late = threading.Event(), threading.Event()

    def slow(settings: Any) -> list[Action]:
        release.wait(10)
        return [action("slow.verb")]

    standard = install("tasks", "lazycelery-plugin-tasks", lazycelery_actions=good)
    plugins = Plugins(entry_points=[standard, install("slow", lazycelery_actions=slow)])
    plugins.load(patience=0.05, when_late=late.set)
    assert [each.name for each in plugins.actions] == ["good.verb"]
    release.set()
    assert late.wait(10)
    assert [each.name for each in plugins.actions] == ["good.verb", "slow.verb"]


def test_a_standard_plugin_is_waited_for_however_slow_the_machine_is(install: Install) -> None:
    release = threading.Event()

    def slow(settings: Any) -> list[Action]:
        release.wait(10)
        return [action("tasks.verb")]

    plugins = Plugins(entry_points=[install("tasks", "lazycelery-plugin-tasks", lazycelery_actions=slow)])
    threading.Timer(0.3, release.set).start()
    plugins.load(patience=0.0)
    assert [each.name for each in plugins.actions] == ["tasks.verb"]
