"""Count parameters and operations of `naswot.spaces.nasbenchmacro.network`, without building it."""

import functools

from naswot.spaces.counting import CHANNELS, Cost, convolution, linear, sides_of, strided
from naswot.spaces.nasbenchmacro.architecture import HEAD, STEM, Layer, parse


def count(arch: str, classes: int, shape: tuple[int, ...]) -> dict[str, float]:
    """Return "params" and "flops" of the network of `arch` for images (3, H, W).

    The benchmark's own ``flops`` are half of these: it counts a multiplication and an addition as
    one.

    Raises:
        NaswotError: `arch` is malformed, or the network takes no such images.
    """
    layers = parse(arch)
    height, width = sides_of(shape)
    costs = [convolution(CHANNELS, STEM, 3, height * width)]
    for layer in layers:
        before = height * width
        height, width = strided(height, layer.stride), strided(width, layer.stride)
        costs.append(_layer(layer, before, height * width))
    costs.append(convolution(layers[-1].c_out, HEAD, 1, height * width))
    return Cost().plus(*costs, linear(HEAD, classes)).described()


@functools.lru_cache(maxsize=1 << 12)
def _layer(layer: Layer, before: int, after: int) -> Cost:
    """Return the cost of a layer, with the pixels before and after it."""
    if not layer.operation.kernel:
        shortcut = convolution(layer.c_in, layer.c_out, 1, after)
        return Cost() if layer.stride == 1 else shortcut
    inner = layer.c_in * layer.operation.expansion
    return convolution(layer.c_in, inner, 1, before).plus(
        convolution(inner, inner, layer.operation.kernel, after, groups=inner),
        convolution(inner, layer.c_out, 1, after),
    )
