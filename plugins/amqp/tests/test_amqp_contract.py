"""Does the plugin keep the host's contract, all it brings tried at once?"""

from lazycelery_core.testing.kit import check_plugin


def test_the_contract_is_kept() -> None:
    check_plugin("lazycelery_plugin_amqp")
