"""Find how many channels networks expect in their images: one (grey) or three (colour)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from naswot.scores.base import Batch
from naswot.scores.building import Model, build_network

# Attributes of layers that hold their number of input channels.
CHANNELS = ("in_channels", "num_features", "num_channels")
FEATURES = "in_features"  # channels · height · width, for a flattened image


class _ReachedError(Exception):
    """The images have reached a layer that tells its number of input channels."""


def channels_for(models: Mapping[str, Model], classes: int, size: int) -> int:
    """Return 1 or 3, the number of channels of the first network that tells; 3 if none does.

    Args:
        models: name → network or factory, as for `naswot.rank`.
        classes: number of outputs of the networks.
        size: side of the images in pixels.
    """
    images = torch.zeros(2, 3, size, size)
    batch = Batch(images, torch.zeros(2, dtype=torch.int64), classes)
    for name, model in models.items():
        try:
            with torch.random.fork_rng(devices=[]):
                found = channels_of(build_network(name, model, batch, 0), images)
        except KeyboardInterrupt:
            raise
        except BaseException:  # it cannot be built or run; scoring will report it
            continue
        if found is not None:
            return found
    return 3


def channels_of(network: nn.Module, images: torch.Tensor) -> int | None:
    """Return the input channels, 1 or 3, of the layer that `images` reach first; otherwise None.

    The network is not run beyond that layer.
    """
    found: list[float] = []

    def read_channels(layer: nn.Module, _: Any) -> None:
        count = next((getattr(layer, name) for name in CHANNELS if hasattr(layer, name)), None)
        if count is None and hasattr(layer, FEATURES):
            count = getattr(layer, FEATURES) / images[0, 0].numel()
        if count is not None:
            found.append(count)
            raise _ReachedError

    # Before the hook of a lazy layer, which accepts any number of channels.
    layers = [x for x in network.modules() if not isinstance(x, torch.jit.ScriptModule)]
    handles = [layer.register_forward_pre_hook(read_channels, prepend=True) for layer in layers]
    try:
        with torch.no_grad():
            network(images)
    except Exception:  # _ReachedError, or an error that scoring will report
        pass
    finally:
        for handle in handles:
            handle.remove()
    return int(found[0]) if found and found[0] in (1, 3) else None
