"""What can be set about reading RabbitMQ? `[plugins.amqp]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AmqpSettings:
    """poll: seconds between two counts of the queues."""

    poll: float = 1.0
