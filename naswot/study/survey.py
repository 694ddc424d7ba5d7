"""Look at a space before a search: what its networks cost, and whether the limits can be kept."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from naswot.costs import COSTS
from naswot.costs.limits import Limits
from naswot.errors import NaswotError
from naswot.spaces.choices import ChoiceSpace, draw_random
from naswot.study.candidates import repaired
from naswot.study.evaluation import counted, latencies_of
from naswot.study.problem import Problem

NETWORKS = 1000  # random ones to look at
MEASURED = 20  # of them whose latencies are measured
SECONDS = 15.0  # that looking at them may take
ATTEMPTS = 5  # to bring a random network within the limits, if none is
SECONDS_TO_TRY = 60.0  # that these may take


@dataclass(frozen=True)
class Survey:
    """What random networks of a space cost.

    Attributes:
        costs: one row per network, one column per counted cost.
        latencies: of the first `MEASURED` of them in ms, if latencies are asked for.
        share: of the networks that keep the limits of the counted costs, from 0 to 1.
        size: estimated number of architectures in the space.
        failed: notes of the networks that cannot be built.
    """

    costs: pd.DataFrame
    latencies: tuple[float, ...]
    share: float
    size: float
    failed: tuple[str, ...]


def survey(space: ChoiceSpace, problem: Problem, *, networks: int = NETWORKS) -> Survey:
    """Draw random networks and count what they cost, for at most `SECONDS`.

    Raises:
        NaswotError: all of them fail, or no network that keeps the limits can be found.
    """
    generator = np.random.default_rng([problem.seed, 1])  # [seed, 0, …] is the search's
    started = time.monotonic()
    rows: list[dict[str, float]] = []
    built: list[str] = []
    failed: list[str] = []
    sizes: list[float] = []
    while len(rows) + len(failed) < networks and time.monotonic() - started < SECONDS:
        drawn = draw_random(space, generator)
        sizes.append(drawn.routes)
        try:
            rows.append(counted(space, drawn.arch, problem))
            built.append(drawn.arch)
        except NaswotError as error:
            failed.append(str(error))
    if not rows:
        raise NaswotError(f"All {len(failed)} random networks fail; the first: {failed[0]}")
    costs = pd.DataFrame(rows)
    limits = problem.limits.only(rows[0])
    share = float(np.mean([not limits.broken(row) for row in rows]))
    if share == 0:
        _require_possible(space, problem, limits, costs, generator)
    measured = latencies_of(space, problem, built[:MEASURED]).values()
    known = tuple(one.median_ms for one in measured if not isinstance(one, NaswotError))
    return Survey(costs, known, share, float(np.mean(sizes)), tuple(failed))


def _require_possible(
    space: ChoiceSpace,
    problem: Problem,
    limits: Limits,
    costs: pd.DataFrame,
    generator: np.random.Generator,
) -> None:
    """Check that changing random networks leads to one that keeps the limits.

    Raises:
        NaswotError: it does not.
    """
    nearest, end = np.inf, time.monotonic() + SECONDS_TO_TRY

    def excess(arch: str) -> float:
        nonlocal nearest
        if time.monotonic() > end:
            return 0.0  # stops the changes
        try:
            row = counted(space, arch, problem)
        except NaswotError:
            return np.inf
        nearest = min(nearest, limits.excess(row))
        return limits.excess(row)

    for _ in range(ATTEMPTS):
        repaired(space, draw_random(space, generator), excess, generator)
        if nearest == 0:
            return
    least = ", ".join(
        f"{COSTS[name].title} {COSTS[name].short(float(costs[name].min()))} "
        f"(limit {COSTS[name].short(limits.highest[name])})"
        for name in limits.highest
    )
    raise NaswotError(
        f"No network of {space.title} that keeps the limits was found. The least among "
        f"{len(costs):,} random networks: {least}. The nearest network exceeds the limits by "
        f"{100 * nearest:.0f} % in sum. Raise a limit, or choose a space of smaller networks."
    )
