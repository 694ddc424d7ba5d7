"""Networks without modules: what a space that knows the graph of its networks can say instead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Plan:
    """A network whose operations are called directly, for the naswot score on a CPU.

    A network of modules costs about 25 ms of Python per score: each module is built, each call is
    looked at, and the autograd graph tells which ReLUs are reachable. A plan has none of it. K_H is
    that of the network of modules; it is identical in float32.

    Attributes:
        run: (`naswot.scores.fused.operations.Operations`, images) → output. It draws weights in the
            order in which the modules would, and the output has to depend on every ReLU that it
            calls.
    """

    run: Callable[[Any, torch.Tensor], torch.Tensor]
