"""How is the shop's Celery application set up?"""

from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery

Function = TypeVar("Function", bound=Callable[..., Any])

ROUTES = {
    "img.*": "media",
    "mail.*": "mail",
    "payments.*": "payments",
    "orders.charge_card": "payments",
    "reports.*": "reports",
    "erp.*": "legacy",
    "audit.*": "archive",
}

app = Celery("shop", set_as_current=False)
app.conf.update(
    task_default_queue="default",
    task_routes={pattern: {"queue": queue} for pattern, queue in ROUTES.items()},
    task_send_sent_event=True,
    task_track_started=True,
    result_extended=True,
    result_expires=900,  # s; the demo may run for hours
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "queue_order_strategy": "priority",
        "priority_steps": [0, 3, 6, 9],
        "visibility_timeout": 180,  # s; longer than any ETA or runtime here, short enough to see lost work return
    },
)
ON_RABBITMQ: dict[str, Any] = {
    "result_backend": None,  # `rpc` would leave a queue of results that nobody reads
    "broker_transport_options": {},
    "task_queue_max_priority": 9,
}


def task(name: str, **options: Any) -> Callable[[Function], Function]:
    """`app.task` for the type checker: the function keeps its type, callers use the name."""

    def register(function: Function) -> Function:
        registered: Function = app.task(name=name, **options)(function)
        return registered

    return register


def open_shop(url: str) -> Celery:
    """The application on this broker, all tasks registered. Results go to Redis too; RabbitMQ keeps none."""
    from lazycelery_plugin_demo.shop import cart, erp, img, mail, orders, payments, reports

    modules = (cart, erp, img, mail, orders, payments, reports)
    app.conf.update(broker_url=url, result_backend=url, imports=[module.__name__ for module in modules])
    if is_rabbitmq(url):
        app.conf.update(ON_RABBITMQ)
    return app


def is_rabbitmq(url: str) -> bool:
    """Whether a broker URL is one of RabbitMQ, without TLS."""
    return url.startswith(("amqp://", "pyamqp://"))
