"""`Record`, what a search knows of one network, and the table of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from naswot.costs.limits import Limits
from naswot.scores import AGGREGATES, members_of
from naswot.scores.ranking import aggregate, lower_is_better
from naswot.spaces.choices import Drawn


@dataclass(frozen=True)
class Record:
    """One network of a search.

    Attributes:
        drawn: the network.
        draw: its number in the sequence of draws, from 0.
        stream: which sequence of draws: 0, or a number of its own for each program that shares a
            storage.
        oldest: the lowest number that was being scored at the time; draws below it are all done.
        scores: score → value, without those that do not apply.
        costs: name of a cost → value, in the units of `naswot.costs.COSTS`.
        seconds: to build and score it; NaN for a network that failed or was not scored.
        note: remarks, or why it failed.
        failed: whether it could not be built or scored.
    """

    drawn: Drawn
    draw: int
    stream: int = 0
    oldest: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    seconds: float = np.nan
    note: str = ""
    failed: bool = False

    @property
    def scored(self) -> bool:
        """Whether its scores were computed: it neither failed nor broke a measured limit."""
        return not np.isnan(self.seconds)


def table_of(
    records: Sequence[Record], names: Sequence[str], costs: Sequence[str], limits: Limits
) -> pd.DataFrame:
    """Return one row per network, in the order of recording.

    Args:
        records: the networks.
        names: scores and aggregates, the one that defines the ranking first.
        costs: names of the costs that are known.
        limits: what networks may cost.

    Returns:
        Columns `network` (the architecture), the scores, the costs, `broken` (the limits that the
        network breaks, or empty), `seconds`, `draw`, `note` and `failed`. A score that a network
        does not have is NaN. Aggregates rank the networks within all limits alone.
    """
    members = members_of(names)
    frame = pd.DataFrame(
        {
            "network": [record.drawn.arch for record in records],
            **{s: [record.scores.get(s, np.nan) for record in records] for s in members},
            **{c: [record.costs.get(c, np.nan) for record in records] for c in costs},
            "broken": [limits.broken(record.costs) for record in records],
            "seconds": [record.seconds for record in records],
            "draw": [record.draw for record in records],
            "note": [record.note for record in records],
            "failed": [record.failed for record in records],
        }
    )
    frame = frame.astype(dict.fromkeys([*members, *costs, "seconds"], "float64"))
    within = (frame["broken"] == "") & frame["seconds"].notna()
    for name in filter(AGGREGATES.__contains__, names):
        frame.insert(1, name, np.nan)
        if within.any():
            frame.loc[within, name] = aggregate(frame[within], name)
    order = ["network", *names, *costs, "broken", "seconds", "draw", "note", "failed"]
    return frame[list(dict.fromkeys(order))]


def fitness_of(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return the score that defines the ranking, higher is better.

    NaN for networks that break a limit, failed or do not have the score.
    """
    sign = -1 if lower_is_better(name) else 1
    within = (table["broken"] == "") & table["seconds"].notna()
    return (sign * table[name]).where(within).to_numpy(float)
