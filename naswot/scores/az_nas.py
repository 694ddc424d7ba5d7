"""The block scores of AZ-NAS (Lee and Ham, CVPR 2024): expressivity, progressivity, trainability.

Inputs are N(0, 1), weights are Kaiming-normal by fan-in, the network is in train mode. Let f_l be
the output of block l (`naswot.scores.blocks`) and X_l (B·H·W, C) its pixels as rows, minus their
mean. With p = λ / Σλ over the eigenvalues λ of X_lᵀ X_l,

    s_l = −Σ p ln(p + 1e-8)
    az_expressivity = Σ s_l
    az_progressivity = min over l > 1 of s_l − s_(l−1)

For trainability, each output f_l gets a random gradient G_out of ±1, and G_in is the gradient that
arrives at f_(l−1), its pixels gathered in squares where the block reduces the resolution. With σ
the largest singular value of G_inᵀ G_out / (B·H·W),

    az_trainability = mean over l > 1 of 2 − σ − 1 / (σ + 1e-6)

A block whose output is constant makes the first two scores −∞. A block that returns its input, or
that passes no gradient on, makes trainability −∞. The authors choose blocks by hand for each space;
they add the log-ranks of the three and of FLOPs (`naswot.scores.aggregates`). Only the shape of the
mini-batch is used, and at most `IMAGES` images are drawn.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.blocks import Block, BlockOutputs
from naswot.scores.initialisation import draw_weights
from naswot.scores.inputs import Inputs, on_floats
from naswot.scores.passes import freeze, prepare, run_fast

IMAGES = 64
TINY = 1e-8  # in the entropy
SMALL = 1e-6  # in trainability
UNLIKE = "the outputs of successive blocks have sizes that cannot be compared"


def entropy(rows: torch.Tensor) -> float:
    """Return the entropy, in nats, of the principal components of `rows` (n, C).

    It is −∞ if all rows are equal, and NaN if one is not finite.
    """
    shifted = rows - rows[0]  # exactly 0 if all rows are equal
    centred = shifted - shifted.mean(0)
    products = (centred.T @ centred).double()
    if not products.isfinite().all():
        return math.nan
    spectrum = torch.linalg.eigvalsh(products).clamp(min=0)
    if spectrum.sum() == 0:
        return -math.inf
    shares = spectrum / spectrum.sum()
    return -(shares * (shares + TINY).log()).sum().item()


def trainability(before: Block, after: Block) -> float | None:
    """Return 2 − σ − 1 / (σ + 1e-6) of the block between two outputs.

    It is −∞ if the block passes on its input or no gradient, NaN if the gradient is not finite, and
    None if the outputs cannot be compared, such as a map and tokens.
    """
    if after.passes_on or not (before.output.requires_grad and after.output.requires_grad):
        return -math.inf
    sent = random_signs(after.output)
    (arrived,) = torch.autograd.grad(
        after.output, before.output, sent, retain_graph=True, allow_unused=True
    )
    if arrived is None:
        return -math.inf
    squares = gathered(arrived, sent)
    if squares is None:
        return None
    sent, arrived = after.rows(sent), before.rows(squares)
    products = arrived.T @ sent / len(sent)
    if not products.isfinite().all():
        return math.nan
    gain = torch.linalg.matrix_norm(products, 2).item()
    return 2 - gain - 1 / (gain + SMALL) if gain else -math.inf


def random_signs(like: torch.Tensor) -> torch.Tensor:
    """Return a tensor of random ±1, eight from each random byte, in the form of `like`."""
    count = like.numel()
    numbers = torch.randint(256, (count // 8 + 1,), dtype=torch.uint8, device=like.device)
    bits = numbers[:, None] >> torch.arange(8, dtype=torch.uint8, device=like.device) & 1
    signs = torch.empty_like(like)
    signs.copy_(bits.flatten()[:count].view(like.shape))
    return signs.mul_(2).sub_(1)


def gathered(arrived: torch.Tensor, sent: torch.Tensor) -> torch.Tensor | None:
    """Return gradients (B, C, H, W) as (B, C·s², H/s, W/s), so that they have the size of `sent`.

    Sizes that s does not divide are padded with zeros. Other shapes have to agree already; the
    result is None if they do not.
    """
    if arrived.ndim != sent.ndim:
        return None
    if arrived.ndim == 4:
        height, width = sent.shape[2:]
        stride = max(math.ceil(arrived.shape[2] / height), math.ceil(arrived.shape[3] / width))
        missing = stride * height - arrived.shape[2], stride * width - arrived.shape[3]
        if min(missing) < 0 or max(missing) >= stride:
            return None
        padded = functional.pad(arrived, (0, missing[1], 0, missing[0]))
        return functional.pixel_unshuffle(padded, stride)
    positions = slice(1, 2) if sent.ndim == 3 else slice(2, None)
    return arrived if arrived.shape[positions] == sent.shape[positions] else None


def block_calls(network: nn.Module, inputs: Inputs) -> list[Block]:
    """Return the calls of the network's blocks, with gradients with respect to `inputs`."""
    with torch.enable_grad(), BlockOutputs(network) as blocks:
        network(inputs.clone())
    return blocks.calls


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, Any]:
    """Return the scores of the family and a note."""
    network, images = prepare(network, batch.images[:IMAGES])
    draw_weights(network, lambda fan_in: math.sqrt(2 / fan_in))
    freeze(network)
    inputs = on_floats(torch.randn_like, images).requires_grad_()
    calls = run_fast(block_calls, network, inputs)
    if len(calls) < 2:
        raise NaswotError(
            f"{type(network).__name__} has fewer than two blocks, so az_nas does not apply to it."
        )
    with torch.no_grad():
        entropies = [entropy(block.rows().detach()) for block in calls]
    gains = [trainability(before, after) for before, after in pairwise(calls)]
    known = [gain for gain in gains if gain is not None]
    steps = [
        before if before == -math.inf else after - before for before, after in pairwise(entropies)
    ]
    return {
        "az_expressivity": sum(entropies),
        "az_progressivity": torch.tensor(steps).double().min().item(),  # NaN if one is
        "az_trainability": sum(known) / len(known) if known else math.nan,
        "note": {} if known else {"az_trainability": UNLIKE},
    }
