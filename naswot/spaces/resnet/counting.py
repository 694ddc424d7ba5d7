"""Count parameters and operations of `naswot.spaces.resnet.network`, without building it."""

import functools

from naswot.spaces.counting import CHANNELS, Cost, convolution, linear, sides_of, strided
from naswot.spaces.resnet.architecture import BASIC, Stage, parse


def count(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of `arch` for images (3, H, W).

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    architecture = parse(arch)
    height, side = sides_of(shape)
    if architecture.halvings:
        height, side = strided(height, 2), strided(side, 2)
    width = architecture.stem
    costs = [convolution(CHANNELS, width, 3, height * side)]
    if architecture.halvings == 2:
        height, side = strided(height, 2), strided(side, 2)
    for stage in architecture.stages:
        before = height * side
        height, side = strided(height, stage.stride), strided(side, stage.stride)
        costs.append(_block(width, stage, stage.stride, before, height * side))
        width = stage.channels
        if stage.depth > 1:
            inner = _block(width, stage, 1, height * side, height * side)
            costs.append(inner.times(stage.depth - 1))
    costs.append(linear(width, classes))
    return Cost().plus(*costs).described()


@functools.lru_cache(maxsize=1 << 16)
def _block(c_in: int, stage: Stage, stride: int, before: int, after: int) -> Cost:
    """Return the cost of a block, with the pixels before and after it."""
    width, kernel, c_out = stage.width, stage.kernel, stage.channels
    if stage.block == BASIC:
        cost = convolution(c_in, width, kernel, after).plus(
            convolution(width, c_out, kernel, after)
        )
    else:
        cost = convolution(c_in, width, 1, before).plus(
            convolution(width, width, kernel, after, stage.groups),
            convolution(width, c_out, 1, after),
        )
    if stride != 1 or c_in != c_out:
        cost = cost.plus(convolution(c_in, c_out, 1, after))
    return cost
