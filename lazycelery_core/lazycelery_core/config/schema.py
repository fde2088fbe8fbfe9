"""What can be set? Every section of the configuration file, with its types, defaults, bounds and a word on each.

`config check`, the messages about mistakes and `config example` are all made from these types.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from lazycelery_core.redact import TaskRule


def _says(description: str, **bounds: Any) -> Meta:
    return Meta(description=description, **bounds)


Port = Annotated[int, Meta(ge=1, le=65535)]
Step = Annotated[int, Meta(ge=0, le=255)]


class TLSSettings(Struct, frozen=True, kw_only=True):
    """How the line is encrypted; for rediss://, amqps:// and sentinel:// URLs."""

    ca: Annotated[
        str, _says("PEM file of the authority to trust; the system's when empty", examples=["/etc/ca.pem"])
    ] = ""
    cert: Annotated[str, _says("PEM file of our own certificate", examples=["/etc/monitor.pem"])] = ""
    key: Annotated[str, _says("PEM file of its key", examples=["/etc/monitor.key"])] = ""
    verify: Annotated[bool, _says("false accepts any certificate, and says so in red all the time")] = True
    check_hostname: Annotated[bool, _says("whether the certificate has to name the host")] = True


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """A deployment to watch. What the Celery application sets in `broker_transport_options` has to be set here too."""

    url: Annotated[
        str, _says("Celery's broker_url, without the password", examples=["rediss://monitor@redis.example/0"])
    ]
    password_command: Annotated[
        tuple[str, ...],
        _says("program that prints the password; 5 seconds", examples=[["pass", "show", "redis/prod"]]),
    ] = ()
    password_file: Annotated[str, _says("file of yours, mode 0600, with the password", examples=["~/.redis-prod"])] = ""
    result_backend: Annotated[
        str, _says("Celery's result_backend, where it is not the broker", examples=["redis://results.example/1"])
    ] = ""
    global_keyprefix: Annotated[str, _says("Redis: what all keys of the broker begin with")] = ""
    result_keyprefix: Annotated[str, _says("Redis: what all keys of the result backend begin with")] = ""
    event_exchange: Annotated[str, _says("Celery's event_exchange")] = "celeryev"
    control_exchange: Annotated[str, _says("Celery's control_exchange")] = "celery"
    fanout_prefix: Annotated[bool | str, _says("Redis: prefix of channels, true for kombu's, false for none")] = True
    fanout_patterns: Annotated[bool, _says("Redis: whether channels carry the routing key")] = True
    priority_steps: Annotated[
        tuple[Step, ...], _says("Redis: the priorities that have a list of their own", min_length=1, max_length=256)
    ] = (0, 3, 6, 9)
    sep: Annotated[str, _says("Redis: what separates a queue's name from its priority", min_length=1)] = "\x06\x16"
    unacked_key: Annotated[str, _says("Redis: hash of the messages that workers hold", min_length=1)] = "unacked"
    master_name: Annotated[str, _says("name of the master that the sentinels watch", examples=["mymaster"])] = ""
    queues: Annotated[
        tuple[str, ...], _says("queues to show even where nothing tells of them", examples=[["celery"]])
    ] = ()
    tls: TLSSettings = TLSSettings()
    passive: Annotated[bool, _says("never publish anything, not even a question to workers")] = False
    allow: Annotated[tuple[str, ...], _says("scopes of writes to allow, as --allow does", examples=[["events"]])] = ()
    production: Annotated[bool, _says("confirm every write one step more strictly")] = False


class UISettings(Struct, frozen=True, kw_only=True):
    """How things look."""

    theme: Annotated[str, _says("colours")] = "dark"
    glyphs: Annotated[Literal["unicode", "ascii", "nerd"], _says("characters to draw with")] = "unicode"
    ambiguous_wide: Annotated[bool, _says("the terminal draws ambiguous characters two cells wide")] = False
    time: Annotated[Literal["utc", "local", "ago"], _says("how times of day are shown")] = "utc"
    space: Annotated[Literal["mark", "menu"], _says("what the space bar does in tables")] = "mark"
    frames: Annotated[int, _says("frames a second at most; fewer for slow lines", ge=1, le=30)] = 10


class RedactSettings(Struct, frozen=True, kw_only=True):
    """What to hide besides the secrets that are known by shape and name."""

    patterns: Annotated[tuple[str, ...], _says("regular expressions of secrets", examples=[["ACME-[0-9]+"]])] = ()
    keys: Annotated[tuple[str, ...], _says("names whose values are secret", examples=[["iban"]])] = ()
    tasks: Annotated[
        dict[str, TaskRule],
        _says(
            "by task name: positions of args, names of kwargs, whether the result", examples=[{"auth.*": {"args": [1]}}]
        ),
    ] = {}


class TrustSettings(Struct, frozen=True, kw_only=True):
    """Which plugins of others may be loaded; the standard ones always may. They have all your rights."""

    allow: Annotated[
        tuple[str, ...] | None, _says("their names; everything that is installed when not set", examples=[["hosts"]])
    ] = None


class File(Struct, frozen=True, kw_only=True):
    """The whole configuration file."""

    connection: Annotated[str, _says("connection to open when none is named", examples=["prod"])] = ""
    connections: dict[str, ConnectionSettings] = {}
    ui: UISettings = UISettings()
    keybindings: Annotated[
        dict[str, str | list[str]],
        _says('name of a command = key or keys, "" for none', examples=[{"app.quit": "ctrl+q"}]),
    ] = {}
    redact: RedactSettings = RedactSettings()
    trust: TrustSettings = TrustSettings()
    plugins: dict[str, dict[str, Any]] = {}
