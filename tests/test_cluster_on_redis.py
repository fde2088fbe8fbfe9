"""Does the plugin `cluster` work over Redis? (both plugins, a real server, Celery as it is)"""

from collections.abc import Callable
from typing import Any

import pytest

from lazycelery_core.testing.cluster_scenarios import ClusterScenarios


class TestClusterOnRedis(ClusterScenarios):
    @pytest.fixture
    def work(self, celery_worker_factory: Callable[..., Any]) -> Callable[..., Any]:
        return celery_worker_factory

    @pytest.fixture
    def url(self, broker_url: str) -> str:
        return broker_url
