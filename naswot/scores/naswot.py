"""The score of Mellor et al. (ICML 2021): how different the ReLU codes of the inputs are.

For a mini-batch of B inputs with binary codes c_i of N_A ReLU units,

    K_H[i, j] = N_A − d_H(c_i, c_j)        (equation 1; d_H is the Hamming distance)
    score     = ln |det K_H|               (equation 2)

With X (B, N_A) holding the codes, K_H = X Xᵀ + (1−X)(1−X)ᵀ = 2 X Xᵀ − d 1ᵀ − 1 dᵀ + N_A,
where d is the diagonal of X Xᵀ: one integer matrix product per tensor, added over tensors.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.adapter import Output, adapted
from naswot.scores.base import (
    Batch,
    Options,
    Score,
    move_network,
    set_memory_format,
    set_train_mode,
)
from naswot.scores.codes import prepare_fused, read_codes, runs_plans
from naswot.scores.copying import copy_network
from naswot.scores.failures import failure_of, one_line
from naswot.scores.inputs import Inputs, as_images
from naswot.scores.lazy_modules import materialise
from naswot.scores.plan import Plan

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
RELU_COUNTS = ("once", "as-published")


def score(
    network: nn.Module | Callable[[], nn.Module],
    images: Any,
    precision: str = "float32",
    relu_count: str = "once",
    batch_dim: int = 0,
    output: Output | None = None,
) -> Score:
    """Score `network` on `images`.

    The protocol is that of the authors' code: train mode (batch normalisation uses batch
    statistics) and the weights as they are. There is one forward pass, and more if its autograd
    graph does not tell which ReLUs are reachable. A module is not changed: a copy is scored. (Only
    lazy modules, which may not be copyable, get their parameters.)

    Args:
        network: a module, or a function that builds one (construction is then timed too).
        images: the inputs, as for `naswot.rank`, on the device to use.
        precision: of the forward pass, "float32" or "bfloat16". Codes and kernel are exact.
            Images are stored channels-last, which is a quarter faster than contiguous. Convolutions
            then round differently, which changes about one code in 10⁵ (where a pre-activation is
            near zero).
        relu_count: "once" counts each reachable ReLU call once (equation 1); "as-published" counts
            each module whose class name contains "ReLU", as the authors' code does.
        batch_dim: the dimension of `images`, a tensor of floats, that is the mini-batch; 1 for
            sequences (S, B, …).
        output: from what the network returns to the tensor on which ReLUs have to act to count;
            None: all tensors.

    Raises:
        NaswotError: an option is unknown, the images are not such a tensor, or the network has no
            visible ReLU, cannot be copied or fails on the images.
    """
    images = as_images(images)
    if precision in PRECISIONS:
        prepare_fused(images, PRECISIONS[precision])
    started = time.perf_counter()
    if isinstance(network, nn.Module):
        network = adapted(network, images, output)
        _materialise(network, images)  # some lazy modules cannot be copied
        network = copy_network(network)
        built = started
    else:
        network = adapted(_built(network), images, output)
        built = time.perf_counter()
    found = hamming_kernel(network, images, precision, relu_count, batch_dim=batch_dim)
    value, seconds = log_determinant(found.matrix), time.perf_counter() - started
    return Score(value, seconds, built - started, found.units, found.modules, found.note)


def _materialise(network: nn.Module, images: Inputs) -> None:
    """Give the lazy modules of `network` their parameters. Raises NaswotError if it fails."""
    try:
        materialise(network, images[:2])
    except (Exception, SystemExit) as error:  # a network may raise anything
        raise failure_of(network, error, images) from error


def _built(factory: Any) -> nn.Module:
    """Return the network that `factory` builds. Raises NaswotError if it builds none."""
    name = getattr(factory, "__name__", type(factory).__name__)
    if not callable(factory):
        raise NaswotError(f"{name} is neither a torch.nn.Module nor a function that builds one.")
    try:
        network = factory()
    except (Exception, SystemExit) as error:  # a factory may raise anything
        raise NaswotError(f"{name} builds no network: it raises {one_line(error)}") from error
    if not isinstance(network, nn.Module):
        raise NaswotError(f"{name} returns no torch.nn.Module but {type(network).__name__}.")
    return network


def log_determinant(kernel: torch.Tensor) -> float:
    """Return ln |det K| of `kernel` (B, B): −inf if it is singular, NaN if it contains NaN."""
    return torch.linalg.slogdet(kernel).logabsdet.item()


class HammingKernel(NamedTuple):
    """K_H of a mini-batch.

    Attributes:
        matrix: (B, B) in float64; all NaN if the network's output contains NaN.
        units: N_A, the number of units of reachable ReLUs.
        modules: the number of reachable ReLU calls.
        note: limitations of the codes, in one line; empty if there is none.
    """

    matrix: torch.Tensor
    units: int
    modules: int
    note: str


def hamming_kernel(
    network: nn.Module | Plan,
    images: Inputs,
    precision: str = "float32",
    relu_count: str = "once",
    fused: bool = True,
    batch_dim: int = 0,
) -> HammingKernel:
    """Return K_H of the mini-batch.

    `network` is changed: it is put in train mode, in the precision and in the memory format.
    `fused` allows the fused pass (`naswot.scores.fused`); otherwise PyTorch computes every
    operation. Other arguments and errors are those of `score`.
    """
    if precision not in PRECISIONS:
        raise NaswotError(f"precision is {precision!r}; it can be {', '.join(PRECISIONS)}.")
    if relu_count not in RELU_COUNTS:
        raise NaswotError(f"relu_count is {relu_count!r}; it can be {', '.join(RELU_COUNTS)}.")
    if not 0 <= batch_dim < images.ndim or 0 in images.shape:
        raise NaswotError(
            f"The images have the shape {tuple(images.shape)} and the mini-batch is dimension "
            f"{batch_dim}: there has to be an image, and such a dimension (batch_dim)."
        )
    if isinstance(network, nn.Module):
        _materialise(network, images)
        network = move_network(set_train_mode(network), images.device, PRECISIONS[precision])
    images = images.to(PRECISIONS[precision])
    if isinstance(images, torch.Tensor) and images.ndim == 4:
        if isinstance(network, nn.Module):
            set_memory_format(network, torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    codes = read_codes(network, images, relu_count == "as-published", fused, batch_dim)
    kernel = codes.hamming_kernel(images, batch_dim)
    return HammingKernel(kernel, codes.units, len(codes.overlaps), codes.note)


def get_ready(batch: Batch, options: Options) -> None:
    """Load the fused pass, or compile it."""
    prepare_fused(batch.images, PRECISIONS[options.precision])


def takes_plans(options: Options, device: torch.device) -> bool:
    """Return whether a `Plan` can take the place of a network of modules."""
    return options.relu_count == "once" and runs_plans(device)


def compute(network: nn.Module | Plan, batch: Batch, options: Options) -> dict[str, Any]:
    """Return the score, the numbers of units and ReLU calls, and a note."""
    found = hamming_kernel(network, batch.images, options.precision, options.relu_count)
    about = {"relu_units": found.units, "relu_modules": found.modules, "note": found.note}
    return {"naswot": log_determinant(found.matrix)} | about
