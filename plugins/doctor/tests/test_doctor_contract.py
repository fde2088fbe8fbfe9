"""Does the plugin keep the host's contract, whatever it has to draw?"""

from lazycelery_core.testing.contract import check_plugin


def test_the_health_view_keeps_the_contract() -> None:
    check_plugin("lazycelery_plugin_doctor")
