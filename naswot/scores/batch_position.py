"""Find the position of the mini-batch in a tensor by experiment: one image is replaced by noise.

The entries that change then belong to that image. In this way images are found in windows, frames
and crops that are folded into one dimension, and in networks that take sequences first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from naswot.runtime.progress import log
from naswot.scores.base import save_state
from naswot.scores.dataflow import DataFlow
from naswot.scores.initialisation import batch_norms
from naswot.scores.inputs import Inputs, TensorTree
from naswot.scores.relu import CodeOverlap


@dataclass(frozen=True)
class BatchPosition:
    """The position of the mini-batch in a tensor.

    Attributes:
        dimension: the mini-batch is this dimension, or folded into it.
        image_first: whether the dimension unfolds to (B, parts), as windows of an image do;
            otherwise it unfolds to (parts, B), as concatenated copies of the mini-batch do.
    """

    dimension: int
    image_first: bool

    def overlap(self, codes: torch.Tensor, batch_size: int) -> CodeOverlap:
        """Return the overlap of bool `codes`. All parts of an image count as its units."""
        codes = codes.movedim(self.dimension, 0)
        if not self.image_first:
            codes = codes.unflatten(0, (-1, batch_size)).transpose(0, 1)
        return CodeOverlap.of(codes.reshape(batch_size, -1).to(torch.int8))


def find_batch_positions(
    run: Callable[[Inputs], tuple[DataFlow, Any]],
    network: nn.Module,
    images: Inputs,
    batch_dim: int,
    unclear: list[int],
    calls: int,
) -> dict[int, BatchPosition]:
    """Return the position of the mini-batch in the inputs of ReLU calls, where it can be found.

    Two images are replaced, one after the other, because what one changes may fit several
    positions. Batch normalisations use their running statistics meanwhile, because batch statistics
    make every image change all others.

    Args:
        run: runs the network on images and returns the data flow.
        network, images, batch_dim: as given to `run`.
        unclear: indices of the calls in question.
        calls: number of all calls.
    """
    batch_size = images.shape[batch_dim]
    if not unclear or batch_size < 2:
        return {}
    restore = save_state(network, images)
    modes = {norm: norm.training for norm in batch_norms(network)}

    def codes_of(batch: Inputs) -> list[torch.Tensor | None]:
        for norm in modes:
            norm.training = False
        flow, _ = run(batch)
        restore()
        same = len(flow.calls) == calls  # otherwise indices may mean other calls
        return [flow.calls[index].codes if same else None for index in unclear]

    possible: dict[int, list[BatchPosition]] = {}
    try:
        before = codes_of(images)
        for replaced in (1, 0):
            after = codes_of(_replace_image(images, batch_dim, replaced))
            for index, old, new in zip(unclear, before, after, strict=True):
                if old is not None and new is not None and old.shape == new.shape:
                    fitting = _fitting_positions(old ^ new, batch_size, replaced)
                    earlier = possible.get(index, fitting)
                    possible[index] = [position for position in earlier if position in fitting]
            if all(len(positions) < 2 for positions in possible.values()):
                break
    except Exception as error:
        log.debug("%s: the mini-batch's position is not found: %r", type(network).__name__, error)
        return {}
    finally:
        restore()
        for norm, training in modes.items():
            norm.training = training
    return {index: positions[0] for index, positions in possible.items() if positions}


def _replace_image(images: Inputs, batch_dim: int, index: int) -> Inputs:
    """Return a copy of `images` with noise instead of the image at `index`.

    In a tree it is the example before, since not every integer is allowed.
    """
    if isinstance(images, TensorTree):
        chosen = [index - 1 if row == index else row for row in range(len(images))]
        return images[chosen]
    other = images.clone()
    image = other.select(batch_dim, index)
    image.copy_(torch.randn(image.shape, generator=torch.Generator().manual_seed(index)))
    return other


def _fitting_positions(changed: torch.Tensor, batch_size: int, index: int) -> list[BatchPosition]:
    """Return the positions by which all entries that `changed` belong to the image at `index`."""
    found = []
    for dimension, size in enumerate(changed.shape):
        if size % batch_size:
            continue
        rows = changed.movedim(dimension, 0).flatten(1).any(1).nonzero().flatten()
        if len(rows) == 0:
            return []
        if bool((rows // (size // batch_size) == index).all()):
            found.append(BatchPosition(dimension, True))
        elif bool((rows % batch_size == index).all()):
            found.append(BatchPosition(dimension, False))
    return found
