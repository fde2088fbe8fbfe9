"""Does the program know what it costs, and say so where it can't?"""

import time
from pathlib import Path

import pytest
from textual.driver import Driver

from lazycelery_core import cost as module
from lazycelery_core.cost import Cost
from lazycelery_core.model import PlaceTime
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.testing.builders import a_snapshot
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.widgets.metered import metered


def busy(seconds: float) -> None:
    """Use the CPU for so long."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_one_look_a_second_tells_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.05)
    health = PluginHealth()
    cost = Cost(health)
    first = cost.host()
    assert (first.cpu, first.sent) == (None, None)
    assert first is cost.host()
    busy(0.06)
    health.timed("slow", "slow.list", 0.5)
    health.report("slow", "slow.list", ValueError("no \x1b[2J"))
    cost.sent = 4_000
    host = wait_until(lambda: cost.host() if cost.host() is not first else None, "the next look")
    assert host.cpu is not None
    assert 0.0 < host.cpu <= 2.0
    assert host.sent
    assert host.threads
    assert (host.rss or host.peak or 0) > 1 << 20
    assert host.times == (PlaceTime("slow", "slow.list", 1, 0.5, 0.5),)
    assert [each.error for each in host.incidents] == ["ValueError: no ␛[2J"]
    assert host.failures == {"slow": 1}


def test_what_a_system_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATM", Path("/nonexistent"))
    monkeypatch.setattr(module, "DESCRIPTORS", ())
    host = Cost(PluginHealth()).host()
    assert (host.rss, host.descriptors) == (None, None)
    assert (host.peak or 0) > 1 << 20


def test_the_bytes_of_every_write_are_counted() -> None:
    written: list[str] = []

    class Quiet(Driver):
        def __init__(self) -> None:
            pass

        def write(self, data: str) -> None:
            written.append(data)

        start_application_mode = disable_input = stop_application_mode = lambda self: None

    sizes: list[int] = []
    metered(Quiet, sizes.append, lambda: None)().write("é\ud800")  # type: ignore[call-arg]
    assert (sizes, written) == ([3], ["é\ud800"])


def test_a_snapshot_made_by_hand_costs_nothing_known() -> None:
    assert a_snapshot().host.cpu is None
