"""Count parameters and operations of `naswot.spaces.transnas.network`, without building it."""

import functools

from naswot.spaces.counting import CHANNELS, Cost, convolution, linear, sides_of, strided
from naswot.spaces.transnas.architecture import (
    EDGES,
    STEM,
    Architecture,
    parse_macro,
    parse_micro,
)

KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


def count_micro(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of a micro architecture for images (3, H, W).

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    return _network(parse_micro(arch), classes, shape)


def count_macro(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of a macro architecture for images (3, H, W).

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    return _network(parse_macro(arch), classes, shape)


def _network(architecture: Architecture, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    height, side = (strided(length, 2) for length in sides_of(shape))
    costs = [convolution(CHANNELS, STEM // 2, 3, height * side)]
    height, side = strided(height, 2), strided(side, 2)
    costs.append(convolution(STEM // 2, STEM, 3, height * side))
    width = STEM
    for channels, stride in architecture.modules:
        height, side = strided(height, stride), strided(side, stride)
        for c_in, step in ((width, stride), (channels, 1)):
            costs.append(_cell(architecture.operations, c_in, channels, step, height * side))
        width = channels
    return Cost().plus(*costs, linear(width, classes)).described()


@functools.lru_cache(maxsize=1 << 16)
def _cell(
    operations: tuple[str, ...] | None, c_in: int, c_out: int, stride: int, pixels: int
) -> Cost:
    """Return the cost of a cell with `pixels` in its output."""
    changes = c_in != c_out or stride != 1
    costs = []
    if operations is None:
        costs += [convolution(c_in, c_out, 3, pixels), convolution(c_out, c_out, 3, pixels)]
        costs += [convolution(c_in, c_out, 1, pixels)] * changes
    for name, (source, _) in zip(operations or (), EDGES, strict=operations is not None):
        channels = c_out if source else c_in
        if name in KERNELS:
            costs.append(convolution(channels, c_out, KERNELS[name], pixels))
        elif name == "skip_connect" and changes and not source:
            costs.append(convolution(channels, c_out, 1, pixels))
    return Cost().plus(*costs)
