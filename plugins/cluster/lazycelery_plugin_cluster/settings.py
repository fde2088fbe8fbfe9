"""What can be set about asking workers? `[plugins.cluster]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """timeout: seconds that a worker gets to answer a question."""

    timeout: float = 1.0
