"""Draw candidates: networks that are new and keep the limits that are checked without a build."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from naswot.costs.limits import Limits
from naswot.errors import NaswotError
from naswot.spaces.choices import ChoiceSpace, Drawn, draw_random, mutate
from naswot.study.proposing import Method

MOST_MISSES = 20_000  # draws in a row without a new network within the limits
MOST_SECONDS = 120.0  # the same in seconds
MOST_PROPOSALS = 100  # of a method that miss in a row, before a random draw
MOST_REPAIRS = 500  # changes of one random network, to bring it within the limits

Count = Callable[[str], Mapping[str, float]]  # architecture → costs, without weights


class ExhaustedError(Exception):
    """There seems to be no further network within the limits."""


@dataclass(frozen=True)
class Candidate:
    """A network to score: its number in the sequence of draws, and the costs that are known."""

    drawn: Drawn
    draw: int
    costs: Mapping[str, float]


class Candidates:
    """The sequence of candidates of one run.

    Draw number k depends on the seed, the stream, k and what the method has been told. So random
    search draws the same networks however often it is interrupted, and by however many processes
    they are scored.

    Args:
        space: the space.
        method: proposes networks.
        count: counts the costs that `limits` limit; raises NaswotError for a network that cannot be
            built, which is then a candidate, so that its failure is recorded.
        limits: of what is counted.
        seen: architectures that are drawn or recorded already.
        seed, stream: of the sequence.
        first: the number of the first draw.
        repair: whether random networks beyond a limit are changed until they keep it. Without,
            candidates are uniform among all networks within the limits.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        method: Method,
        count: Count,
        limits: Limits,
        seen: Collection[str],
        *,
        seed: int,
        stream: int = 0,
        first: int = 0,
        repair: bool = False,
    ):
        self._space, self._method, self._count, self._limits = space, method, count, limits
        self._seen = set(seen)
        self._sequence, self._number = (seed, stream), first
        self._repair = repair
        self.refused = 0  # draws beyond a limit

    def add(self, arch: str) -> None:
        """Take note that a network is known."""
        self._seen.add(arch)

    def next(self, end: float = np.inf) -> Candidate:
        """Return the next candidate.

        Args:
            end: when to stop, by `time.monotonic()`.

        Raises:
            ExhaustedError: none was found in `MOST_MISSES` draws or `MOST_SECONDS`, or by the end.
        """
        end = min(end, time.monotonic() + MOST_SECONDS)
        for misses in range(MOST_MISSES):
            if time.monotonic() >= end:
                break
            number = self._number
            self._number += 1
            generator = np.random.default_rng([*self._sequence, number])
            drawn = self._method.propose(generator) if misses < MOST_PROPOSALS else None
            drawn = drawn or self._random(generator)
            if drawn.arch in self._seen:
                self._method.refuse(drawn)
            else:
                costs = self._costs(drawn.arch)
                if not self._limits.only(costs).broken(costs):
                    self._seen.add(drawn.arch)
                    return Candidate(drawn, number, costs)
                self.refused += 1
                self._method.refuse(drawn)
        raise ExhaustedError

    def _random(self, generator: np.random.Generator) -> Drawn:
        drawn = draw_random(self._space, generator)
        return repaired(self._space, drawn, self._excess, generator) if self._repair else drawn

    def _excess(self, arch: str) -> float:
        costs = self._costs(arch)
        return self._limits.only(costs).excess(costs)

    def _costs(self, arch: str) -> Mapping[str, float]:
        try:
            return self._count(arch)
        except NaswotError:
            return {}


def repaired(
    space: ChoiceSpace,
    drawn: Drawn,
    excess: Callable[[str], float],
    generator: np.random.Generator,
) -> Drawn:
    """Return `drawn`, changed one choice at a time until its costs keep the limits.

    A change is kept unless it exceeds the limits further. After `MOST_REPAIRS` changes the network
    is returned as it is.

    Args:
        space: the space.
        drawn: a network.
        excess: architecture → by what share its costs exceed the limits in sum, 0 if they do not.
        generator: draws the changes.
    """
    beyond = excess(drawn.arch)
    for _ in range(MOST_REPAIRS):
        if beyond == 0:
            break
        child = mutate(space, drawn, generator)
        if (found := excess(child.arch)) <= beyond:
            drawn, beyond = child, found
    return drawn
