"""How many channels networks want their images to have: one, for grey, or three."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from naswot.scores.base import Batch
from naswot.scores.building import Model, build_network

# What layers call the number of channels that they take.
CHANNELS = ("in_channels", "num_features", "num_channels")
FEATURES = "in_features"  # of a flattened image


class _ReachedError(Exception):
    """The images have come to a layer that says what it takes."""


def channels_for(models: Mapping[str, Model], classes: int, size: int) -> int:
    """Return 1 or 3, as the first of the networks that tells takes it; 3 where none tells.

    Args:
        models: name → network or factory, as `naswot.rank` has them.
        classes: outputs of the networks.
        size: side of the images in pixels.
    """
    batch = Batch(torch.zeros(2, 3, size, size), torch.zeros(2, dtype=torch.int64), classes)
    for name, model in models.items():
        try:
            with torch.random.fork_rng(devices=[]):
                found = channels_of(build_network(name, model, batch, 0), batch.images)
        except KeyboardInterrupt:
            raise
        except BaseException:  # it cannot be built, or not looked at; scoring will tell
            continue
        if found is not None:
            return found
    return 3


def channels_of(network: nn.Module, images: torch.Tensor) -> int | None:
    """Return 1 or 3, whichever the layer takes that `images` come to first; None: it tells neither.

    The network computes nothing beyond that layer.
    """
    takes: list[float] = []

    def look(layer: nn.Module, _: Any) -> None:
        told = next((getattr(layer, name) for name in CHANNELS if hasattr(layer, name)), None)
        if told is None and hasattr(layer, FEATURES):
            told = getattr(layer, FEATURES) / images[0, 0].numel()
        if told is not None:
            takes.append(told)
            raise _ReachedError

    # First, before the hook of a lazy layer, which takes whatever comes.
    layers = [x for x in network.modules() if not isinstance(x, torch.jit.ScriptModule)]
    handles = [layer.register_forward_pre_hook(look, prepend=True) for layer in layers]
    try:
        with torch.no_grad():
            network(images)
    except Exception:  # that the layer is reached; or its own, which scoring will tell
        pass
    finally:
        for handle in handles:
            handle.remove()
    return int(takes[0]) if takes and takes[0] in (1, 3) else None
