"""Does the plugin `cluster` work over RabbitMQ, unchanged? (both plugins, a real server, Celery as it is)"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.testing.cluster_scenarios import ClusterScenarios

if TYPE_CHECKING:
    from lazycelery_core.testing.rabbitmq import Vhost


class TestClusterOnRabbitMQ(ClusterScenarios):
    @pytest.fixture
    def work(self, rabbitmq_vhost: "Vhost", celery_worker_factory: Callable[..., Any]) -> Callable[..., Any]:
        def start(settings: dict[str, Any] | None = None, **options: Any) -> Any:
            together = {"result_backend": None, **(settings or {})}
            return celery_worker_factory(url=rabbitmq_vhost.url, settings=together, **options)

        return start

    @pytest.fixture
    def url(self, rabbitmq_vhost: "Vhost") -> str:
        return rabbitmq_vhost.url
