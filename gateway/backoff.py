"""How long to wait before the next try: anything up to a bound that doubles, so that many never try at once."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.5
LONGEST_S = 300.0


class Backoff:
    """Full jitter: each wait is even between nothing and the bound of its try."""

    def __init__(
        self,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.tries = 0
        self._first_s = first_s
        self._longest_s = longest_s
        self._draw = draw

    def next_s(self) -> float:
        """Seconds to wait now; the bound of the next wait is twice as long, up to the longest."""
        wait_s = self._draw(0.0, bound_s(self.tries, self._first_s, self._longest_s))
        self.tries += 1
        return wait_s

    def reset(self) -> None:
        """It worked: begin again with short waits."""
        self.tries = 0


def bound_s(tries: int, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> float:
    """The longest wait after this many tries."""
    return min(longest_s, first_s * float(2 ** min(tries, 30)))
