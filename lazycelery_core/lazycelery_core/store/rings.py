"""How many a second, lately? Counters that forget."""

from array import array

OUTCOMES = 3
SUCCEEDED, FAILED, RETRIED = range(OUTCOMES)


class Ring:
    """Counts of three outcomes for each of the last `slots` steps of `step` seconds. Time never goes back in it."""

    __slots__ = ("_counts", "_head", "_slots", "step")

    def __init__(self, step: int, slots: int) -> None:
        self.step, self._slots = step, slots
        self._head = 0  # number of the newest step: Unix seconds // step
        self._counts = tuple(array("I", bytes(4 * slots)) for _ in range(OUTCOMES))

    def add(self, outcome: int, now: float, count: int = 1) -> None:
        """Count something at a moment."""
        self._advance(int(now) // self.step)
        self._counts[outcome][self._head % self._slots] += count

    def sums(self, outcome: int, start: float, width: float, steps: int, now: float) -> list[float]:
        """(steps,) counts a second for steps of `width` seconds from `start` on (Unix seconds)."""
        self._advance(int(now) // self.step)
        counts = self._counts[outcome]
        oldest = self._head - self._slots + 1
        rates = []
        for index in range(steps):
            first = int((start + index * width) // self.step)
            after = max(first + 1, int((start + (index + 1) * width) // self.step))
            known = range(max(first, oldest), min(after, self._head + 1))
            total = sum(counts[slot % self._slots] for slot in known)
            rates.append(total / ((after - first) * self.step))
        return rates

    def last(self, outcome: int, seconds: int, now: float) -> float:
        """Counts a second over the last whole steps that make up `seconds`."""
        steps = max(1, seconds // self.step)
        end = int(now) // self.step
        return self.sums(outcome, (end - steps) * self.step, steps * self.step, 1, now)[0]

    def _advance(self, head: int) -> None:
        if head <= self._head:
            return
        for step in range(max(self._head + 1, head - self._slots + 1), head + 1):
            for counts in self._counts:
                counts[step % self._slots] = 0
        self._head = head
