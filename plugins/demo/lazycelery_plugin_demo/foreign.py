"""May the demo play on a broker that somebody else runs, and how does it leave it?

Our workers would take other people's messages and throw away tasks they don't know. So it must be an empty Redis
database, or a virtual host of RabbitMQ without Celery (rabbit.py), and everything written there goes away at the end.
"""

from urllib.parse import parse_qs, unquote, urlsplit

import redis

from lazycelery_core.errors import ConfigError, SourceError
from lazycelery_plugin_demo import rabbit
from lazycelery_plugin_demo.roles import QUEUES, ROLES
from lazycelery_plugin_demo.shop.application import is_rabbitmq

SCHEMES = ("redis", "rediss", "redis+socket")
WITHOUT = "Leave --broker and LAZYCELERY_BROKER_URL out and it starts a server of its own."
OURS = ("_kombu.binding*", "celery-task*", "unacked*", "*.reply.celery.pidbox*")


def claim(url: str) -> None:
    """Raise ConfigError or SourceError unless the broker is reachable and nobody else's things are there."""
    try:
        place, scheme = where(url), urlsplit(url).scheme
        if is_rabbitmq(url):
            rabbit.claim(url, place)
            return
        if scheme not in SCHEMES:
            kinds = "Redis, Valkey and RabbitMQ without TLS"
            raise ConfigError(f"The demo can't play on {place}: it plays only on {kinds}.", WITHOUT)
        with client(url) as connection:
            keys = connection.dbsize()
    except ValueError:
        raise ConfigError("The demo can't read the broker's URL.", WITHOUT) from None  # it may hold a password
    except redis.RedisError as error:
        raise SourceError(f"The demo can't use {place}: {type(error).__name__}.", WITHOUT) from None  # the same
    if keys:
        raise ConfigError(
            f"The demo needs an empty database, {place} holds {keys} keys.",
            "Its workers would take other people's tasks. Name an unused database, for example /15.",
        )


def checked(url: str) -> str:
    """With the certificate check spelled out: without it Celery's result backend refuses a rediss:// URL."""
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}ssl_cert_reqs=required"


def clean(url: str) -> None:
    """Delete what the demo wrote."""
    if is_rabbitmq(url):
        rabbit.clean(url)
        return
    with client(url) as connection:
        for pattern in (*OURS, *(f"{queue}*" for queue in QUEUES), *(f"{role.name}*" for role in ROLES)):
            for keys in _pages(connection, pattern):
                connection.unlink(*keys)


def client(url: str) -> "redis.Redis":
    """A driver for a URL in Celery's spelling."""
    parts = urlsplit(url)
    if parts.scheme != "redis+socket":
        return redis.Redis.from_url(url, socket_connect_timeout=3.0, socket_timeout=5.0)
    db = int(parse_qs(parts.query).get("virtual_host", ["0"])[0])
    path = unquote(parts.path)
    return redis.Redis(unix_socket_path=path, db=db, username=_text(parts.username), password=_text(parts.password))


def where(url: str) -> str:
    """The URL without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _text(quoted: str | None) -> str | None:
    return unquote(quoted) if quoted else None


def _pages(connection: "redis.Redis", pattern: str) -> "list[list[bytes]]":
    keys = list(connection.scan_iter(match=pattern, count=500))
    return [keys[start : start + 500] for start in range(0, len(keys), 500)]
