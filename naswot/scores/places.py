"""Where the mini-batch is in a tensor, found by a trial: another image is put in the place of one.

What differs then belongs to that image. So the images are found in windows, frames and crops that
are folded into one dimension, and in networks that have sequences first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from naswot.runtime.progress import log
from naswot.scores.base import keep_state
from naswot.scores.dataflow import Flow
from naswot.scores.initialisation import batch_norms
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

    Two images are exchanged, one after the other, for what differs by the first may be in several
    places. Batch normalisations, which make each image change all others, take their running
    statistics.

    Args:
        run: runs the network and returns the flow.
        network, images, batch_dim: what it is run with.
        unclear: numbers of calls of rectifiers.
        calls: how many there are in all.
    """
    batch = images.shape[batch_dim]
    if not unclear or batch < 2:
        return {}
    restore = keep_state(network, images)
    modes = {norm: norm.training for norm in batch_norms(network)}

    def codes(shown: torch.Tensor) -> list[torch.Tensor | None]:
        for norm in modes:
            norm.training = False
        flow, _ = run(shown)
        restore()
        same = len(flow.calls) == calls  # else these are others
        return [flow.calls[number].codes if same else None for number in unclear]

    possible: dict[int, list[Place]] = {}
    try:
        before = codes(images)
        for changed in (1, 0):
            after = codes(_exchanged(images, batch_dim, changed))
            for number, one, two in zip(unclear, before, after, strict=True):
                if one is not None and two is not None and one.shape == two.shape:
                    fitting = _places(one ^ two, batch, changed)
                    earlier = possible.get(number, fitting)
                    possible[number] = [place for place in earlier if place in fitting]
            if all(len(places) < 2 for places in possible.values()):
                break
    except Exception as error:
        log.debug("%s: where the mini-batch is cannot be tried: %r", type(network).__name__, error)
        return {}
    finally:
        restore()
        for norm, training in modes.items():
            norm.training = training
    return {number: places[0] for number, places in possible.items() if places}


def _exchanged(images: torch.Tensor, batch_dim: int, changed: int) -> torch.Tensor:
    """Return `images` with noise in the place of number `changed`."""
    other = images.clone()
    place = other.select(batch_dim, changed)
    place.copy_(torch.randn(place.shape, generator=torch.Generator().manual_seed(changed)))
    return other


def _places(differs: torch.Tensor, batch: int, changed: int) -> list[Place]:
    """Return the places in which only image `changed` differs, and does."""
    found = []
    for dimension, size in enumerate(differs.shape):
        if size % batch:
            continue
        rows = differs.movedim(dimension, 0).flatten(1).any(1).nonzero().flatten()
        if len(rows) == 0:
            return []
        if bool((rows // (size // batch) == changed).all()):
            found.append(Place(dimension, True))
        elif bool((rows % batch == changed).all()):
            found.append(Place(dimension, False))
    return found
