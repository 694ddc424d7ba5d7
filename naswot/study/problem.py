"""What a search looks for: a space, the images, the scores, the costs and their limits."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from naswot.costs.latency import How
from naswot.costs.limits import Limits
from naswot.io.user_code import find_callable
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import ChoiceSpace, fitted

FACTORY = "factory", "torchvision.models:resnet18, or mynets:small for `small` in mynets.py here"


@dataclass(frozen=True)
class Source:
    """Where a space comes from.

    Attributes:
        space: a name of `naswot.spaces.choice_spaces`, or a Python file; empty with `network`.
        network: PACKAGE.MODULE:FACTORY of a network that is varied.
        arguments: of the factory.
    """

    space: str = ""
    network: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def load(self, classes: int, shape: tuple[int, ...]) -> ChoiceSpace:
        """Return the space, for images of `shape` (C, H, W).

        Raises:
            NaswotError: there is no such space, or the network cannot be varied.
        """
        if not self.network:
            return fitted(choice_space(self.space), shape)
        from naswot.spaces.derived import derived_space

        return derived_space(self.network, self.make(), classes, shape)

    def make(self) -> Callable[..., Any]:
        """Return what builds the network that is varied.

        Raises:
            NaswotError: there is no such factory.
        """
        return functools.partial(find_callable(self.network, *FACTORY), **self.arguments)


@dataclass(frozen=True)
class Problem:
    """Everything that decides what a network scores and costs, and which networks are allowed.

    Attributes:
        source: the space.
        images: float32 (B, C, H, W), normalised.
        labels: int64 (B,); None: random.
        classes: number of classes.
        scores: scores and aggregates; the first defines the ranking.
        costs: names of the costs to determine for each network.
        traded: the costs of the front, beside the score.
        limits: what a network may cost.
        seed: of the weights, the labels and the draws.
        precision: as in `naswot.rank`; device: as for `choose_device`.
        latency: where latencies come from (`naswot.costs.latency.latency_source`).
        how: how latencies are measured.
    """

    source: Source
    images: np.ndarray
    labels: np.ndarray | None
    classes: int
    scores: tuple[str, ...]
    costs: tuple[str, ...]
    traded: tuple[str, ...]
    limits: Limits
    seed: int = 0
    precision: str = "float32"
    device: str = "cpu"
    latency: str = "torch"
    how: How = field(default_factory=How)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (C, H, W) of one image."""
        return tuple(self.images.shape[1:])
