"""The methods of search. Neither torch nor Optuna is imported, so that help texts are fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from naswot.spaces.space import Later


@dataclass(frozen=True)
class About:
    """A method of search.

    Attributes:
        summary: a few words about it, for the help.
        make: (space, names of scores, directions, seed) → the `naswot.study.proposing.Method` of
            one run.
        aggregates: whether the first score may be an aggregate. Optuna keeps a value as it was
            told, but an aggregate changes with every network.
        repairs: whether its random networks are changed until they keep the limits.
    """

    summary: str
    make: Later
    aggregates: bool = True
    repairs: bool = True


METHODS: Mapping[str, About] = MappingProxyType(
    {
        "evolution": About(
            "the best of a few recent networks is changed in one choice",
            Later("naswot.study.proposing:evolution"),
        ),
        "random": About(
            "the paper's Algorithm 1",
            Later("naswot.study.proposing:random"),
            repairs=False,
        ),
        "nsga2": About(
            "NSGA-II, for the front of score and costs",
            Later("naswot.study.proposing:nsga2"),
            aggregates=False,
        ),
        "tpe": About(
            "a model of good choices (tree-structured Parzen estimator)",
            Later("naswot.study.proposing:tpe"),
            aggregates=False,
        ),
    }
)
