"""Count parameters and operations of `naswot.spaces.nasbench201.network`, without building it."""

import functools
from collections.abc import Sequence

from naswot.spaces import natsbench_sss
from naswot.spaces.counting import CHANNELS, Cost, convolution, linear, sides_of
from naswot.spaces.nasbench201.cells import EDGES, parse

KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


def count_topology(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of cell string `arch` for images (3, H, W).

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    stages = ((16,) * 5, (32,) * 5, (64,) * 5)
    return _network(parse(arch), stages, (32, 64), classes, shape)


def count_sizes(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of channel string `arch` for images (3, H, W).

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    first, down, second, down_again, third = natsbench_sss.parse(arch)
    stages = ((first,), (second,), (third,))
    return _network(natsbench_sss.CELL, stages, (down, down_again), classes, shape)


def _network(
    operations: Sequence[str],
    stages: Sequence[Sequence[int]],
    reductions: Sequence[int],
    classes: int,
    shape: tuple[int, ...],
) -> dict[str, float]:
    height, side = sides_of(shape, divisor=4)
    pixels = height * side
    width = stages[0][0]
    costs = [convolution(CHANNELS, width, 3, pixels)]
    for stage, channels in enumerate(stages):
        if stage:
            pixels //= 4
            costs.append(_reduction(width, reductions[stage - 1], pixels))
            width = reductions[stage - 1]
        for c_out in channels:
            costs.append(_cell(tuple(operations), width, c_out, pixels))
            width = c_out
    costs += [Cost(2 * width), linear(width, classes)]  # batch normalisation and classifier
    return Cost().plus(*costs).described()


@functools.lru_cache(maxsize=1 << 16)
def _cell(operations: tuple[str, ...], c_in: int, c_out: int, pixels: int) -> Cost:
    costs = []
    for name, (source, _) in zip(operations, EDGES, strict=True):
        channels = c_out if source else c_in
        if name in KERNELS:
            costs.append(convolution(channels, c_out, KERNELS[name], pixels))
        elif name == "skip_connect" and channels != c_out:
            costs.append(convolution(channels, c_out, 1, pixels))
    return Cost().plus(*costs)


@functools.lru_cache(maxsize=1 << 12)
def _reduction(c_in: int, c_out: int, pixels: int) -> Cost:
    return convolution(c_in, c_out, 3, pixels).plus(
        convolution(c_out, c_out, 3, pixels),
        convolution(c_in, c_out, 1, pixels, normalised=False),
    )
