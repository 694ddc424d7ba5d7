"""Count parameters and operations of `naswot.spaces.mobile.network`, without building it."""

import functools

from naswot.spaces.counting import CHANNELS, Cost, convolution, linear, sides_of, strided
from naswot.spaces.mobile.architecture import parse

SQUEEZE = 4  # as in the network, which is not imported: it needs torch


def count(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of `arch` for images (3, H, W).

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    architecture = parse(arch)
    height, side = (strided(each, architecture.stem_stride) for each in sides_of(shape))
    width = architecture.stem
    costs = [convolution(CHANNELS, width, 3, height * side)]
    for stage in architecture.stages:
        before = height * side
        height, side = strided(height, stage.stride), strided(side, stage.stride)
        about = (stage.width, stage.kernel, stage.expansion, stage.squeezes)
        costs.append(_block(width, *about, before, height * side))
        width = stage.width
        if stage.depth > 1:
            inner = _block(width, *about, height * side, height * side)
            costs.append(inner.times(stage.depth - 1))
    costs.append(convolution(width, architecture.head, 1, height * side))
    costs.append(linear(architecture.head, classes))
    return Cost().plus(*costs).described()


@functools.lru_cache(maxsize=1 << 16)
def _block(
    c_in: int, c_out: int, kernel: int, expansion: int, squeezes: bool, before: int, after: int
) -> Cost:
    """Return the cost of a block, with the pixels before and after it."""
    inner = c_in * expansion
    cost = convolution(c_in, inner, 1, before).plus(
        convolution(inner, inner, kernel, after, groups=inner),
        convolution(inner, c_out, 1, after),
    )
    if squeezes:
        squeezed = inner // SQUEEZE
        cost = cost.plus(linear(inner, squeezed), linear(squeezed, inner))
    return cost
