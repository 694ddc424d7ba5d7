"""Where the mini-batch is in a tensor, found by a trial: another image is put in the place of one.

What differs then belongs to that image. So the images are found in windows, frames and crops that
are folded into one dimension, and in networks that have sequences first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from naswot.progress import log
from naswot.scores.base import keep_state
from naswot.scores.dataflow import Flow
from naswot.scores.initial import batch_norms
from naswot.scores.rectifiers import Agreement, pairwise_active


@dataclass(frozen=True)
class Place:
    """Where the mini-batch is in a tensor.

    Attributes:
        dimension: the one that it is, or is folded into.
        outer: whether the parts of an image stand side by side there, as of windows; otherwise
            the images do, as of networks that look at copies of the mini-batch.
    """

    dimension: int
    outer: bool

    def agreement(self, codes: torch.Tensor, batch: int) -> Agreement:
        """Return the agreement of bool `codes`; all parts of an image are its units."""
        codes = codes.movedim(self.dimension, 0)
        if not self.outer:
            codes = codes.unflatten(0, (-1, batch)).transpose(0, 1)
        flat = codes.reshape(batch, -1).to(torch.int8)
        return Agreement(pairwise_active(flat), flat.shape[1])


def find_places(
    run: Callable[[torch.Tensor], tuple[Flow, Any]],
    network: nn.Module,
    images: torch.Tensor,
    batch_dim: int,
    unclear: list[int],
    calls: int,
) -> dict[int, Place]:
    """Return where the mini-batch is in what the calls `unclear` read, for those that show it.

    Batch normalisations, which make each image change all others, take their running statistics.
    """
    if not unclear:
        return {}
    restore = keep_state(network, images)
    modes = {norm: norm.training for norm in batch_norms(network)}
    other = images.clone()
    changed = 1  # of which of the images
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(other.select(batch_dim, changed).shape, generator=generator)
    other.select(batch_dim, changed).copy_(noise)
    codes = []
    try:
        for shown in (images, other):
            for norm in modes:
                norm.training = False
            flow, _ = run(shown)
            restore()
            if len(flow.calls) != calls:
                return {}
            codes.append([flow.calls[number].codes for number in unclear])
    except Exception as error:
        log.debug("%s: where the mini-batch is cannot be tried: %r", type(network).__name__, error)
        return {}
    finally:
        for norm, training in modes.items():
            norm.training = training
    batch = images.shape[batch_dim]
    found = {}
    for number, one, two in zip(unclear, *codes, strict=True):
        if one is None or two is None or one.shape != two.shape:
            continue
        place = _place(one ^ two, batch, changed)
        if place is not None:
            found[number] = place
    return found


def _place(differs: torch.Tensor, batch: int, changed: int) -> Place | None:
    """Return the place in which only image `changed` differs; None if there is none."""
    for dimension, size in enumerate(differs.shape):
        if size % batch or not size:
            continue
        rows = differs.movedim(dimension, 0).flatten(1).any(1).nonzero().flatten()
        if len(rows) == 0:
            return None
        if bool((rows // (size // batch) == changed).all()):
            return Place(dimension, True)
        if bool((rows % batch == changed).all()):
            return Place(dimension, False)
    return None
