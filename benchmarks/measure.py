"""Ratios: ours against a yardstick, in turns, the median of several rounds."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """A line of the table; seconds unless `unit` says otherwise."""

    name: str
    what: str
    ours: float
    against: float | None
    value: float
    needed: float
    aim: float
    unit: str = "s"
    higher_is_better: bool = False

    @property
    def verdict(self) -> str:
        def reached(bound: float) -> bool:
            return self.value >= bound if self.higher_is_better else self.value <= bound

        return "aim" if reached(self.aim) else "ok" if reached(self.needed) else "MISSED"

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "verdict": self.verdict}


def seconds(action: Callable[[], object]) -> float:
    """How long an action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turns(rounds: int, *actions: Callable[[], float]) -> list[float]:
    """The median of what each action gives, the actions taking turns."""
    values: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for place, action in enumerate(actions):
            values[place].append(action())
    return [statistics.median(some) for some in values]
