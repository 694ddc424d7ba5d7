"""The operations of a `Plan`, and the weights that modules would have.

Every network is built from the same state of the random generator. So uniform random numbers are
drawn once per process, and weights of PyTorch's default initialisation are slices of them.
"""

import math
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from naswot.scores.fused import loops
from naswot.scores.fused.sums import Sum, added, as_term, constant, normalised
from naswot.scores.plan import Plan
from naswot.scores.relu import CodeOverlap

EPS = 1e-5  # of `nn.BatchNorm2d`
CHANNELS_LAST = torch.channels_last


class Operations:
    """The operations of one network on a mini-batch.

    Activations are ordinary tensors, channels-last, or sums that are not computed yet.

    Args:
        dtype: of activations and weights.

    Attributes:
        overlaps: of codes, one for each call of `relu`.
    """

    def __init__(self, dtype: torch.dtype):
        self.overlaps: list[CodeOverlap] = []
        self._dtype, self._state, self._drawn = dtype, torch.get_rng_state(), 0

    def weight(self, c_out: int, c_in: int, kernel: int = 1) -> torch.Tensor:
        """Draw the weight of a convolution, (c_out, c_in, kernel, kernel), as PyTorch does."""
        shape = c_out, c_in, kernel, kernel
        made = torch.empty(shape, dtype=self._dtype, memory_format=CHANNELS_LAST)
        gain = math.sqrt(2 / (1 + math.sqrt(5) ** 2))  # as `nn.init.kaiming_uniform_` computes it
        self._draw(made, math.sqrt(3) * (gain / math.sqrt(c_in * kernel * kernel)))
        return made

    def normal_weights(
        self, shapes: list[tuple[int, int, int]], deviations: list[float], first_drawn: int = 0
    ) -> list[torch.Tensor]:
        """Draw the weights of convolutions that are initialised anew, from N(0, deviation²).

        Args:
            shapes: output channels, input channels and kernel of each.
            deviations: of each.
            first_drawn: how many numbers the modules draw for biases, beside their first weights.
        """
        generator = torch.Generator()
        generator.set_state(self._state)
        first = first_drawn + sum(c_out * c_in * kernel**2 for c_out, c_in, kernel in shapes)
        torch.empty(first, dtype=torch.float32).uniform_(generator=generator)
        made = []
        for (c_out, c_in, kernel), deviation in zip(shapes, deviations, strict=True):
            drawn = torch.empty(c_out, c_in, kernel, kernel, dtype=torch.float32)
            drawn.normal_(0, deviation, generator=generator)
            made.append(drawn.to(self._dtype, memory_format=CHANNELS_LAST))
        return made

    def linear(self, x: torch.Tensor, outputs: int) -> torch.Tensor:
        """Return the output of a linear layer with a bias, (B, inputs) → (B, outputs)."""
        weight = self.weight(outputs, x.shape[1]).flatten(1)
        bias = torch.empty((outputs, 1, 1, 1), dtype=self._dtype)
        self._draw(bias, 1 / math.sqrt(x.shape[1]))
        return functional.linear(x, weight, bias.flatten())

    def conv(self, x: torch.Tensor | Sum, weight: torch.Tensor, stride: int = 1) -> torch.Tensor:
        """Return a convolution, padded by half of the kernel, without a bias."""
        found = torch.conv2d(self.computed(x), weight, None, stride, weight.shape[-1] // 2)
        return found.contiguous(memory_format=CHANNELS_LAST)

    def batch_norm(self, x: torch.Tensor) -> Sum:
        """Return `x` normalised over the mini-batch."""
        channels = x.shape[1]
        if x.numel() <= channels:  # torch's error says so
            return self.as_sum(functional.batch_norm(x, None, None, training=True))
        return normalised(x, constant(1.0, channels), constant(0.0, channels), EPS)[0]

    def relu(self, x: Sum) -> torch.Tensor:
        """Return ReLU of `x`, and record the overlap of its codes."""
        output = x.relu()
        self.overlaps.append(CodeOverlap(x.active, output[0].numel()))
        return output

    def add(self, left: torch.Tensor | Sum, right: torch.Tensor | Sum) -> Sum:
        """Return a sum."""
        if left.shape != right.shape:
            return self.as_sum(self.computed(left) + self.computed(right))
        return added(self.as_sum(left), self.as_sum(right))

    def times_zero(self, x: torch.Tensor | Sum) -> Sum:
        """Return x · 0, which is not zero where `x` is not finite."""
        x = self.as_sum(x)
        if x.is_finite():
            return Sum(x.shape, x.dtype, (), True)
        return self.as_sum(self.computed(x) * 0)

    def max_pool(
        self, x: torch.Tensor | Sum, kernel: int, stride: int, padding: int = 0
    ) -> torch.Tensor:
        """Return the maxima of squares of pixels, `kernel` (2 or 3) wide."""
        x = self.as_sum(x)
        if min(x.shape[2:]) + 2 * padding < kernel:  # torch's error says so
            return functional.max_pool2d(self.computed(x), kernel, stride, padding)
        return x.max_pool(kernel, stride, padding)

    def computed(self, x: torch.Tensor | Sum) -> torch.Tensor:
        """Return `x` as a tensor, which must not be changed."""
        if not isinstance(x, Sum):
            return x
        x.collapse()
        return x.value

    def as_sum(self, x: torch.Tensor | Sum, finite: bool | None = None) -> Sum:
        """Return `x` as a sum; `finite` says whether all its values are, if that is known."""
        if isinstance(x, Sum):
            return x
        x = x.contiguous(memory_format=CHANNELS_LAST)
        return Sum(x.shape, x.dtype, (as_term(x),), finite)

    def _draw(self, tensor: torch.Tensor, bound: float) -> None:
        """Fill a channels-last tensor with what `uniform_` draws between −bound and bound."""
        first, self._drawn = self._drawn, self._drawn + tensor.numel()
        c_out, c_in = tensor.shape[:2]
        drawn = _uniform(self._state, self._drawn)[first : self._drawn]
        memory = tensor.permute(0, 2, 3, 1).view(c_out, -1, c_in)
        if tensor.dtype == torch.bfloat16:
            memory = memory.view(torch.uint16)
        loops.spread(drawn.reshape(c_out, c_in, -1), np.float32(bound), memory.numpy())


# The last state of torch's generator, and the numbers between 0 and 1 that follow it.
_kept: list[tuple[torch.Tensor, np.ndarray]] = []


def _uniform(state: torch.Tensor, least: int) -> np.ndarray:
    """Return at least `least` random numbers that follow `state`; they are kept for the next."""
    for known, values in _kept:
        if len(values) >= least and torch.equal(known, state):
            return values
    generator = torch.Generator()
    generator.set_state(state)
    size = 1 << max(20, (least - 1).bit_length())
    values = torch.rand(size, generator=generator, dtype=torch.float32).numpy()
    _kept[:] = [(state, values)]
    return values


@cache
def draws_as_torch() -> bool:
    """Return whether weights here are those of torch to the last bit, as on x86 processors."""
    state = torch.get_rng_state()
    operations = Operations(torch.float32)
    ours = operations.weight(16, 9, 3)
    generator = torch.Generator()
    generator.set_state(state)
    theirs = torch.nn.init.kaiming_uniform_(
        torch.empty(16, 9, 3, 3), math.sqrt(5), generator=generator
    )
    return ours.dtype == theirs.dtype and torch.equal(ours, theirs)


def run(plan: Plan, images: torch.Tensor) -> tuple[torch.Tensor, list[CodeOverlap]]:
    """Return the output of a network for channels-last `images`, and the overlaps of its ReLUs."""
    operations = Operations(images.dtype)
    with torch.no_grad():
        output = plan.run(operations, images)
    return output, operations.overlaps
