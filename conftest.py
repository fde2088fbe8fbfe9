"""How are all tests of the workspace run? Only what has to hold for every one of them."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither a slow example nor slow generation of examples says anything about the code.
settings.register_profile("workspace", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("workspace")
