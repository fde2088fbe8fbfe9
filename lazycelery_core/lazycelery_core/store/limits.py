"""How much may the store keep?"""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one store; what does not fit is left out and counted, never an error.

    tasks: held tasks; retention drops whole segments of `segment_rows` (a power of two), so up to one segment more is
    held. workers, queues: records kept. names, hosts, exceptions: distinct texts that are told apart (at most 32,000
    names and queues); further ones count as `(other)`. cold_ram: bytes of compressed message text in memory, the rest
    goes to an unlinked temporary file of at most cold_disk bytes. body: bytes of one message that are kept. chain:
    reports of one task that are read back.
    """

    tasks: int = 1_000_000
    segment_rows: int = 65_536
    workers: int = 10_000
    queues: int = 10_000
    names: int = 20_000
    hosts: int = 50_000
    exceptions: int = 50_000
    cold_ram: int = 16 * MIB
    cold_disk: int = 4_096 * MIB
    body: int = 4 * MIB
    chain: int = 1_000
