"""What can be set about reading RabbitMQ? `[plugins.amqp]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AmqpSettings:
    """poll: seconds between two counts of the queues. management: whether the management plugin is asked for more.

    management_url: where it is, if not on its usual port beside the broker; management_user, management_password_file:
    whom it knows, if not the broker's user. The file has mode 0600 and the password in its first line.
    """

    poll: float = 1.0
    management: bool = True
    management_url: str = ""
    management_user: str = ""
    management_password_file: str = ""
