"""WRCor, weighted response correlation (Jing et al., 2025): how uncorrelated images are at ReLUs.

Each ReLU call adds to a kernel K (B, B) two matrices of correlations between images: of its inputs
x, and of their gradients ∂(Σ outputs)/∂x. Rows are images, columns are units. With i the number of
the block (`naswot.scores.blocks`) and absolute values by entry,

    K = Σ_calls 2^min(i, `LARGEST`) (|corr x| + |corr ∂x|)
    wrcor = ln |det K|

i counts calls of blocks so far: 0 for a ReLU before the first block; a ReLU after a block belongs
to it. `LARGEST` keeps the last blocks of deep networks from deciding alone, for 2^i would drown all
others in rounding errors; networks of at most that many blocks do not notice.

The network is in train mode with the weights that it has. ReLUs are recognised by the function that
is called, as for naswot (`naswot.scores.relu`), and count if a gradient other than 0 arrives. An
image whose row is constant has no correlations, and adds 0 there: ReLUs of zeroed paths would
otherwise make everything NaN. The public code weighs by the blocks of its own networks. The first
dimension of a ReLU's input has to be the mini-batch, or its images with several windows each.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.blocks import find_blocks
from naswot.scores.inputs import Inputs, float_tensors
from naswot.scores.passes import first_output, freeze, prepare, run_fast
from naswot.scores.relu import TensorCache, is_relu

LARGEST = 20


def correlations(x: torch.Tensor, images: int) -> torch.Tensor:
    """Return |corr| (B, B) in float64 between `images` B in `x`; 0 for constant rows, NaN for NaN.

    A row is constant if rounding errors could cause its variance.
    """
    x = x.detach()
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.movedim(1, 3)  # in the order of memory, which saves a copy; units have no order
    rows = x.reshape(images, -1)
    mean = rows.mean(1, keepdim=True)
    centred = rows - mean
    products = (centred @ centred.T).double()
    norms = products.diagonal().sqrt()
    rounding = 4 * torch.finfo(rows.dtype).eps * rows.shape[1] ** 0.5 * mean[:, 0].abs()
    constant = norms <= rounding  # not NaN
    found = (products / norms / norms[:, None]).abs()
    return found.masked_fill(constant | constant[:, None], 0)


class Responses(TorchFunctionMode):
    """While active, adds up the kernel of the ReLUs that are called, once gradients arrive.

    Attributes:
        kernel: K (B, B) in float64.
        block: the number of the block that runs or ran last.
        calls: the number of ReLU calls whose input has the mini-batch first.
    """

    def __init__(self, images: Inputs):
        super().__init__()
        self.images = len(images)
        square = self.images, self.images
        self.kernel = torch.zeros(square, dtype=torch.float64, device=images.device)
        self.block = self.calls = 0
        self._cache = TensorCache()

    def __torch_function__(self, func: Any, types: Any, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        x = args[0] if args else kwargs["input"]
        if not x.ndim or len(x) % self.images:
            return func(*args, **kwargs)
        self.calls += 1
        if not x.requires_grad:  # it does not depend on the images
            return func(*args, **kwargs)
        # A tensor of its own, for several ReLUs may read x, and each has its own gradient.
        flags = (*args[1:], kwargs.get("inplace"))
        in_place = func.__name__.endswith("_") or any(flag is True for flag in flags)
        read = x.clone() if in_place else x.view_as(x)
        weight = 2.0 ** min(self.block, LARGEST)
        inputs = self._cache.get_or_compute(x, partial(correlations, images=self.images))
        read.register_hook(partial(self._add, weight, inputs))
        output = func(read, *args[1:], **{k: v for k, v in kwargs.items() if k != "input"})
        return x.copy_(output) if in_place and output is read else output

    def _add(self, weight: float, inputs: torch.Tensor, gradient: torch.Tensor) -> None:
        if gradient.any():
            self.kernel += weight * (inputs + correlations(gradient, self.images))

    def enter_block(self, *_: object) -> None:
        """Count a block; a hook."""
        self.block += 1


def respond(network: nn.Module, inputs: Inputs) -> tuple[Responses, torch.Tensor]:
    """Return the responses of `network` to `inputs`, and its first output (B, width)."""
    responses = Responses(inputs)
    enter: Callable = responses.enter_block
    handles = [block.register_forward_pre_hook(enter) for block in find_blocks(network)]
    try:
        with responses:
            return responses, first_output(network, inputs)
    finally:
        for handle in handles:
            handle.remove()


def response_kernel(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return K (B, B) of `images` (B, …) in float64, all NaN if the output contains NaN.

    Changes `network`.

    Raises:
        NaswotError: no ReLU can be seen, or the mini-batch is not the first dimension of any.
    """
    network, images = prepare(network, images)
    freeze(network)
    with torch.enable_grad():
        responses, output = run_fast(respond, network, images.requires_grad_().clone())
        total = output.sum()
    if not responses.calls:
        raise NaswotError(
            f"{type(network).__name__} calls no ReLU that can be seen with the mini-batch as its "
            "first dimension, so wrcor does not apply to it."
        )
    if total.requires_grad:
        # The hooks add to the kernel.
        torch.autograd.grad(total, float_tensors(images), allow_unused=True)
    if output.isnan().any():
        responses.kernel.fill_(math.nan)
    return responses.kernel


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    if len(batch.images) < 2:
        raise NaswotError("wrcor compares images; one image is not enough.")
    kernel = response_kernel(network, batch.images)
    if not kernel.isfinite().all():
        return {"wrcor": math.nan}
    return {"wrcor": torch.linalg.slogdet(kernel).logabsdet.item()}
