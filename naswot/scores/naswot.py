"""The score of Mellor et al. (ICML 2021): how differently an untrained network sees its inputs.

For a mini-batch of B inputs with binary codes c_i of N_A rectified units,

    K_H[i, j] = N_A − d_H(c_i, c_j)        (equation 1; d_H is the Hamming distance)
    score     = ln |det K_H|               (equation 2)

With X (B, N_A) holding the codes, K_H = X Xᵀ + (1−X)(1−X)ᵀ = 2 X Xᵀ − d 1ᵀ − 1 dᵀ + N_A,
where d is the diagonal of X Xᵀ: one integer product a tensor, added up over tensors.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.progress import log
from naswot.scores.base import Batch, Options, Score, copied
from naswot.scores.rectifiers import Reading, tensors, watch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
RELU_COUNTS = ("once", "as-published")
VIEW_ERROR = "view size is not compatible"


def score(
    network: nn.Module | Callable[[], nn.Module],
    images: torch.Tensor,
    precision: str = "float32",
    relu_count: str = "once",
) -> Score:
    """Score `network` on `images`.

    The protocol is that of the authors' code: train mode (batch normalisation uses the
    batch's statistics) and the weights as they are. One forward pass is made. A network
    that is handed over is not changed: a copy is scored.

    Args:
        network: a module, or a function that builds one (its time is then measured too).
        images: (B, …), as the network takes them, already normalised, on the device to use.
        precision: of the forward pass, "float32" or "bfloat16". Codes and kernel are exact.
            Image batches are laid out channels-last, which is a quarter faster than contiguous;
            the other convolution kernels flip about one code in 10⁵ (the sign of a
            pre-activation near zero).
        relu_count: "once" counts each ReLU once (equation 1); "as-published" counts each
            module whose class name contains "ReLU", as the authors' code does.

    Raises:
        NaswotError: an unknown option, or a network without visible ReLUs.
    """
    started = time.perf_counter()
    if isinstance(network, nn.Module):
        network = copied(network)
        built = started
    else:
        network = network()
        built = time.perf_counter()
    kernel, units, modules = hamming_kernel(network, images, precision, relu_count)
    value = log_determinant(kernel)
    return Score(value, time.perf_counter() - started, built - started, units, modules)


def log_determinant(kernel: torch.Tensor) -> float:
    """Return ln |det K|: −inf for a singular kernel, NaN for one of NaNs."""
    return torch.linalg.slogdet(kernel).logabsdet.item()


def hamming_kernel(
    network: nn.Module,
    images: torch.Tensor,
    precision: str = "float32",
    relu_count: str = "once",
    late: bool = True,
) -> tuple[torch.Tensor, int, int]:
    """Return K_H (B, B) in float64, the number of units and the number of rectifiers counted.

    Takes `network` over: it is put in train mode and in the wanted precision and memory
    format. K_H is all NaN where the network's output is NaN. Arguments as for `score`; without
    `late`, every operation is torch's, one after the other.
    """
    if precision not in PRECISIONS:
        raise NaswotError(f"precision is {precision!r}; it can be {', '.join(PRECISIONS)}.")
    if relu_count not in RELU_COUNTS:
        raise NaswotError(f"relu_count is {relu_count!r}; it can be {', '.join(RELU_COUNTS)}.")
    layout = torch.channels_last if images.ndim == 4 else torch.contiguous_format
    network = network.train().to(images.device, PRECISIONS[precision], memory_format=layout)
    images = images.to(PRECISIONS[precision], memory_format=layout)
    output, readings = _watched(network, images, relu_count == "as-published", late)
    active = torch.zeros(len(images), len(images), dtype=torch.int32, device=images.device)
    for reading in readings:
        active += reading.agreement.active
    units = sum(reading.agreement.units for reading in readings)
    own = active.diagonal()
    kernel = (2 * active - own[:, None] - own[None, :] + units).double()
    if any(tensor.isnan().any() for tensor in tensors(output)):
        kernel.fill_(torch.nan)  # a code of NaNs would look like an inactive unit
    return kernel, units, len(readings)


def _watched(
    network: nn.Module, images: torch.Tensor, published: bool, late: bool
) -> tuple[Any, list[Reading]]:
    """Return `watch`, tried in the fastest way first.

    What a network does that cannot be put off may end in any error; the next way tells whether
    the network is to blame. Each way finds the network as it was.
    """
    restore = _keep_state(network)
    flattens_by_view = False
    if late:
        try:
            return watch(network, images, published, late=True)
        except Exception as error:
            log.debug("%s is computed the simple way: %r", type(network).__name__, error)
            flattens_by_view = VIEW_ERROR in str(error)
        restore()
    if not flattens_by_view:
        try:
            return watch(network, images, published)
        except RuntimeError as error:
            if VIEW_ERROR not in str(error):
                raise
        restore()
    # It flattens by x.view, which only contiguous tensors can be.
    network = network.to(memory_format=torch.contiguous_format)
    return watch(network, images.contiguous(), published)


def _keep_state(network: nn.Module) -> Callable[[], None]:
    """Return a function that undoes what a forward pass changes: buffers, attributes, chance."""
    generator = torch.get_rng_state()
    spaces = [names for module in network.modules() for names in (vars(module), module._buffers)]
    attributes = [(names, dict(names)) for names in spaces]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]

    def restore() -> None:
        torch.set_rng_state(generator)
        for names, kept in attributes:
            names.clear()
            names.update(kept)
        with torch.no_grad():
            for buffer, kept in buffers:
                buffer.copy_(kept)

    return restore


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the score, and how many units and rectifiers it counts."""
    kernel, units, modules = hamming_kernel(
        network, batch.images, options.precision, options.relu_count
    )
    return {"naswot": log_determinant(kernel), "relu_units": units, "relu_modules": modules}
