"""The architectures of NAS-Bench-Macro: eight digits, one for each layer.

0 is the identity, 1 an inverted residual block of 3×3 with expansion 3, 2 one of 5×5 with
expansion 6. The layers form stages of two, three and three. The first layer of a stage doubles the
channels and halves the resolution; there an identity is a 1×1 convolution with stride 2.
"""

import functools
import itertools
from dataclasses import dataclass

from naswot.errors import NaswotError, shown

STAGES = (2, 3, 3)  # layers
LAYERS = sum(STAGES)
STEM, HEAD = 32, 1280  # channels


@dataclass(frozen=True)
class Operation:
    """An inverted residual block, or the identity, which has no `kernel` and no `expansion`."""

    name: str
    kernel: int = 0
    expansion: int = 0


# By their digits.
OPERATIONS = (
    Operation("identity"),
    Operation("mb3_3x3", kernel=3, expansion=3),
    Operation("mb6_5x5", kernel=5, expansion=6),
)
SIZE = len(OPERATIONS) ** LAYERS


@dataclass(frozen=True)
class Layer:
    """What one layer does: an operation, its channels and its stride."""

    operation: Operation
    c_in: int
    c_out: int
    stride: int


@functools.cache
def architectures() -> tuple[str, ...]:
    """Return all 6,561 architectures; an index in base 3 is the architecture."""
    digits = map(str, range(len(OPERATIONS)))
    return tuple(map("".join, itertools.product(digits, repeat=LAYERS)))


def genes(arch: str) -> tuple[int, ...]:
    """Return the operation of each layer of `arch` as its position in `OPERATIONS`.

    Raises:
        NaswotError: `arch` is malformed; the message names the wrong part.
    """
    form = f"{shown(arch)} is not an architecture of NAS-Bench-Macro such as 01201201"
    if len(arch) != LAYERS:
        raise NaswotError(f"{form}: it has {len(arch)} characters instead of {LAYERS}.")
    for place, digit in enumerate(arch, 1):
        if digit not in {"0", "1", "2"}:
            raise NaswotError(f"{form}: the digit of layer {place} is {shown(digit)}, not 0 to 2.")
    return tuple(map(int, arch))


def parse(arch: str) -> tuple[Layer, ...]:
    """Return the eight layers of `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    operations = iter(genes(arch))
    layers, width = [], STEM
    for depth in STAGES:
        for number in range(depth):
            before, width = width, width if number else 2 * width
            layers.append(Layer(OPERATIONS[next(operations)], before, width, 1 if number else 2))
    return tuple(layers)


def canonical(arch: str) -> str:
    """Return `arch` with the identities of each stage behind its blocks.

    But for the first layer of a stage, an identity does nothing: all architectures that have the
    same blocks in the same order are one network. The benchmark trained it once and lists its
    accuracies for all of them.

    Raises:
        NaswotError: `arch` is malformed.
    """
    genes(arch)
    found, start = "", 0
    for depth in STAGES:
        first, others = arch[start], arch[start + 1 : start + depth]
        found += first + others.replace("0", "").ljust(depth - 1, "0")
        start += depth
    return found
