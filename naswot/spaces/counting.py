"""Count the parameters and operations of layers from their sizes, without making them.

They are those of `naswot.scores.size`: all trainable parameters; the operations of convolutions and
linear layers for one image, where a multiplication and an addition count as two, and biases,
normalisations, activations and poolings as none.
"""

from typing import NamedTuple

from naswot.errors import NaswotError, shown

CHANNELS = 3  # of the images that built-in networks take


class Cost(NamedTuple):
    """What layers cost together."""

    params: int = 0
    flops: int = 0

    def plus(self, *others: "Cost") -> "Cost":
        """Return the sum of this cost and of others."""
        params, flops = self
        for other in others:
            params += other.params
            flops += other.flops
        return Cost(params, flops)

    def times(self, count: int) -> "Cost":
        """Return the cost of `count` such layers."""
        return Cost(count * self.params, count * self.flops)

    def described(self) -> dict[str, float]:
        """Return the cost as `ChoiceSpace.count` returns it."""
        return self._asdict()


def convolution(
    c_in: int, c_out: int, kernel: int, pixels: int, groups: int = 1, normalised: bool = True
) -> Cost:
    """Return the cost of a convolution without bias, with batch normalisation if `normalised`.

    Args:
        c_in: channels of its input.
        c_out: channels of its output.
        kernel: side of its window.
        pixels: those of its output, height times width.
        groups: groups of channels.
        normalised: whether a batch normalisation follows.
    """
    weights = kernel * kernel * (c_in // groups) * c_out
    return Cost(weights + (2 * c_out if normalised else 0), 2 * weights * pixels)


def linear(features: int, outputs: int) -> Cost:
    """Return the cost of a linear layer with bias."""
    return Cost((features + 1) * outputs, 2 * features * outputs)


def strided(side: int, stride: int) -> int:
    """Return the side of what a convolution with odd kernel and full padding makes of `side`."""
    return -(-side // stride)


def sides_of(shape: tuple[int, ...], divisor: int = 1) -> tuple[int, int]:
    """Return height and width of images (C, H, W) that a built-in network takes.

    Raises:
        NaswotError: they have not three channels, or a side is not a multiple of `divisor`.
    """
    if len(shape) != 3 or shape[0] != CHANNELS or any(side < 1 for side in shape[1:]):
        raise NaswotError(
            f"The networks of this space take images (3, H, W), not {shown(tuple(shape))}."
        )
    height, width = shape[1:]
    if height % divisor or width % divisor:
        raise NaswotError(
            f"Images of {height}×{width} pixels do not fit the networks of this space: height and "
            f"width must be multiples of {divisor}."
        )
    return height, width
