"""What does the environment say? Read once, here, and passed on; nothing else in LazyCelery reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

PREFIX = "LAZYCELERY_"
APP = "lazycelery"


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables of this process. They may hold passwords, so printing it shows none of them."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls) -> "Environment":
        """The environment of this process, as it is now."""
        return cls(dict(os.environ))

    def get(self, name: str) -> str:
        """A variable, "" when it is not set."""
        return self.variables.get(name, "")

    @property
    def broker_url(self) -> str:
        """The broker to watch when none is named elsewhere."""
        return self.get("LAZYCELERY_BROKER_URL")

    @property
    def no_color(self) -> bool:
        """Whether colours are unwanted (https://no-color.org: set and not empty)."""
        return bool(self.get("NO_COLOR"))

    @property
    def asked_for(self) -> Path | None:
        """The configuration file that the environment names."""
        named = self.get("LAZYCELERY_CONFIG")
        return Path(named).expanduser() if named else None

    @property
    def config_path(self) -> Path:
        """Where the configuration file is."""
        return self.asked_for or platformdirs.user_config_path(APP) / "config.toml"

    @property
    def lock_path(self) -> Path:
        """Where it is kept what plugins were when they were locked."""
        return platformdirs.user_config_path(APP) / "plugins.lock"

    @property
    def state_path(self) -> Path:
        """The folder for the log, the audit file and crash reports."""
        return platformdirs.user_state_path(APP)

    @property
    def in_tmux(self) -> bool:
        """Whether the terminal is tmux's."""
        return bool(self.get("TMUX"))

    def password(self, connection: str) -> str:
        """The broker password of a connection."""
        return self.get(password_variable(connection))

    def result_password(self, connection: str) -> str:
        """The password of a connection's result backend."""
        return self.get(password_variable(connection, "RESULT"))

    def for_children(self) -> dict[str, str]:
        """The environment that programs we start get: ours without our own variables, which may hold passwords."""
        return {name: value for name, value in self.variables.items() if not name.startswith(PREFIX)}


def password_variable(connection: str, part: str = "BROKER") -> str:
    """The variable that holds the password of a connection: `LAZYCELERY_BROKER_PROD_EU_PASSWORD` for `prod-eu`."""
    return f"{PREFIX}{part}_{re.sub(r'[^A-Za-z0-9]', '_', connection).upper()}_PASSWORD"
