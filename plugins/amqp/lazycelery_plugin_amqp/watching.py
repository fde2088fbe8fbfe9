"""What is counted with which connections? Puts the source of queues together from a connection and the settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lazycelery_core.config import password_in_file
from lazycelery_core.errors import ConfigError, SourceError
from lazycelery_plugin_amqp.abilities import Abilities
from lazycelery_plugin_amqp.address import Address
from lazycelery_plugin_amqp.discovery import Names
from lazycelery_plugin_amqp.http_api import Place, named_place, usual_places
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.management import Management
from lazycelery_plugin_amqp.queues import AmqpQueues
from lazycelery_plugin_amqp.settings import AmqpSettings

if TYPE_CHECKING:
    from lazycelery_core.config import Connection


def queue_source(
    connection: "Connection", settings: AmqpSettings, broker: Address, abilities: Abilities | None
) -> AmqpQueues:
    """The source of queues. abilities: what it offers besides."""
    names = Names(connection.event_exchange, connection.control_exchange)

    def made() -> Management:
        return Management(lambda: places(settings, broker), broker.virtual_host)

    management = made()
    if abilities is not None:
        abilities.learn_from(lambda queue: management.queues.get(queue) if management.works else None, made)
    return AmqpQueues(Line(broker, "queues"), management, abilities, names, connection.queues, settings.poll)


def places(settings: AmqpSettings, broker: Address) -> Sequence[Place]:
    """Where the management API may be. Raises SourceError for wrong settings: everything else goes on without it."""
    if not settings.management:
        raise SourceError("The management API is switched off.", "management = true asks it.")
    password = _password(settings.management_password_file)
    if settings.management_url:
        return [named_place(settings.management_url, broker, settings.management_user, password)]
    return [
        Place(each.host, each.port, each.tls, settings.management_user or each.username,
              each.password if password is None else password)
        for each in usual_places(broker)
    ]  # fmt: skip


def _password(path: str) -> str | None:
    if not path:
        return None
    try:
        return password_in_file(Path(path).expanduser(), "of the management API")
    except ConfigError as error:
        raise SourceError(error.message, error.hint) from None
