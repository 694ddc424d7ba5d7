"""What all scores share: the mini-batch they look at, the result, and how they are computed.

A family's function takes the network over, so `measure` hands each a copy, and one to those that
share a pass; all start from the same weights and the same state of the random generator,
whichever others are asked for.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores import Family


@dataclass(frozen=True)
class Batch:
    """A mini-batch.

    Attributes:
        images: (B, …), as the networks take them, already normalised, on the device to use.
        labels: int64 (B,), from 0 to `classes` − 1, on the same device.
        classes: how many there are; the networks have as many outputs, or one, for scores that
            look at no labels.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: int


@dataclass(frozen=True)
class Options:
    """How the naswot score is computed; the others are always computed in float32 or wider.

    Attributes:
        precision: of the forward pass, "float32" or "bfloat16".
        relu_count: "once" or "as-published"; see `naswot.scores.naswot.score`.
    """

    precision: str = "float32"
    relu_count: str = "once"


@dataclass(frozen=True)
class Score:
    """What scoring one network gives.

    Attributes:
        value: the score; −inf, inf and NaN are kept.
        seconds: wall time of the family's pass and of the construction; what families share
            counts for the first of them.
        build_seconds: wall time of the construction alone; 0 if a built network was given.
        relu_units: N_A, the rectified units counted; None for scores without codes.
        relu_modules: the rectifiers counted (their calls); None for scores without codes.
    """

    value: float
    seconds: float
    build_seconds: float = 0.0
    relu_units: int | None = None
    relu_modules: int | None = None


def measure(
    network: nn.Module | Callable[[], nn.Module],
    batch: Batch,
    families: Sequence[Family],
    options: Options = Options(),
) -> dict[str, Score]:
    """Compute all scores of `families` on one network, which is built once.

    Args:
        network: a module, which is not changed, or a function that builds one (its time is then
            measured too).
        batch: what the network is shown.
        families: what to compute.
        options: how.

    Returns:
        Score's name → result.

    Raises:
        NaswotError: the network cannot be copied, or a score does not apply to it.
    """
    started = time.perf_counter()
    given = isinstance(network, nn.Module)
    original = network if given else network()
    build_seconds = 0.0 if given else time.perf_counter() - started
    cpu, cuda = torch.get_rng_state(), torch.cuda.get_rng_state_all()
    sharing = tuple(family for family in families if family.shares)
    groups = list(dict.fromkeys(sharing if family.shares else (family,) for family in families))
    results = {}
    for group in groups:
        started = time.perf_counter()
        own = original if group is groups[-1] and not given else copied(original)
        if group is sharing:
            needs = {need for family in group for need in family.shares}
            seen = (group[0].look(own, batch.images, batch.labels, batch.classes, needs),)
        else:
            seen = (own, batch)
        for family in group:
            torch.set_rng_state(cpu)
            torch.cuda.set_rng_state_all(cuda)
            found = dict(family.compute(*seen, options))
            seconds = build_seconds + time.perf_counter() - started
            values = {name: found.pop(name) for name in family.scores}
            results |= {
                name: Score(value, seconds, build_seconds, **found)
                for name, value in values.items()
            }
            started = time.perf_counter()
    return {name: results[name] for family in families for name in family.scores}


def copied(network: nn.Module) -> nn.Module:
    """Return a copy of `network`.

    Raises:
        NaswotError: it cannot be copied.
    """
    try:
        return copy.deepcopy(network)
    except RuntimeError as error:
        raise NaswotError(
            f"{type(network).__name__} cannot be copied ({error}). Pass a function that builds it."
        ) from error
