"""Who plays in the demo? One line per Celery worker, and the queues nobody may miss."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """A worker to start. After `lives` seconds (first life, later ones) it is killed, after `absent` it is back."""

    name: str
    pool: str
    slots: int
    queues: tuple[str, ...]
    events: bool = True
    lives: tuple[float, float] | None = None
    absent: float = 8.0

    def argv(self, log: str) -> list[str]:
        """The command line of `celery worker`."""
        # Gossip and mingle make every worker listen to every other and cost a second of start-up.
        argv = ["worker", "-n", self.name, "-P", self.pool, "-c", str(self.slots), "-Q", ",".join(self.queues)]
        argv += ["-l", "WARNING", "-f", log, "--without-gossip", "--without-mingle"]
        return [*argv, "-E"] if self.events else argv


ROLES = (
    Role("worker-1@web-7", "prefork", 3, ("default", "priority")),
    Role("worker-2@img-2", "threads", 4, ("media",)),
    Role("worker-3@web-8", "threads", 6, ("payments", "mail")),
    Role("worker-4@batch-1", "prefork", 2, ("reports",), lives=(9.0, 60.0)),
    Role("worker-5@legacy-1", "threads", 1, ("legacy",), events=False),
)
UNCONSUMED = "archive"  # a queue without a worker: its backlog only grows
QUEUES = (*sorted({queue for role in ROLES for queue in role.queues}), UNCONSUMED)
