"""Count parameters, operations and memory of a network, without weights and without values.

The numbers are those of the scores `params`, `flops` and `memory` (`naswot.scores.size`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._device import DeviceContext

from naswot.costs.inputs import first_of
from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.scores.adapter import adapted
from naswot.scores.base import move_network
from naswot.scores.copying import copy_network
from naswot.scores.failures import failure_of, one_line
from naswot.scores.inputs import Inputs
from naswot.scores.lazy_modules import materialise
from naswot.scores.size import params
from naswot.scores.tally import held, on_meta, tally_as_given


@dataclass(frozen=True)
class Counts:
    """Costs of a network for one image in eval mode.

    Attributes:
        params: trainable parameters.
        flops: operations of a forward pass; a multiplication and an addition count as two.
        memory: peak bytes of its activations, the input included; NaN if torch does not show them.
    """

    params: float
    flops: float
    memory: float


def count(
    network: nn.Module, shape: Sequence[int] | Inputs, dtype: torch.dtype = torch.float32
) -> Counts:
    """Return the costs of a network, which is not changed.

    Args:
        network: a module; if it has lazy modules, they get their parameters.
        shape: of an image, (C, H, W), or inputs (B, …) as the network takes them.
        dtype: of the weights and the image, which decides on the bytes.

    Raises:
        NaswotError: the shape is none, or the network fails on it or cannot be copied.
    """
    image = first_of(shape, 1, dtype)
    with torch.random.fork_rng([]):
        try:
            if any(map(is_lazy, held(network))):
                materialise(adapted(network, image, None), image)
            try:
                return _count(on_meta(network), image.to("meta"), dtype)
            except Exception as error:
                # It needs values, or has tensors that are not moved; or it fails again.
                log.debug("counting with values: %s: %s", type(error).__name__, error)
                return _count(copy_network(network), image, dtype)
        except NaswotError:
            raise
        except Exception as error:  # a network may raise anything
            raise failure_of(network, error, image) from error


def count_built(
    make: Callable[[], nn.Module],
    shape: Sequence[int] | Inputs,
    dtype: torch.dtype = torch.float32,
) -> Counts:
    """Return the costs of the network that `make` builds, if possible without its weights.

    It is built on torch's meta device, which takes no memory and draws no weights. A network that
    cannot be built there, or looks at values, is built as usual.

    Raises:
        NaswotError: as `count`, or the network cannot be built.
    """
    image = first_of(shape, 1, dtype).to("meta")
    with torch.random.fork_rng([]):
        try:
            with _Weightless("meta"):
                network = make()
            tensors = held(network)
            # Others were there before, and are to stay as they are.
            if all(tensor.is_meta for tensor in tensors):
                if any(map(is_lazy, tensors)):
                    materialise(adapted(network, image, None), image)
                return _count(network, image, dtype)
        except Exception:  # it needs values, or fails again
            network = _built(make)
    return count(network, shape, dtype)


def _built(make: Callable[[], nn.Module]) -> nn.Module:
    try:
        network: Any = make()
    except NaswotError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise NaswotError(f"The network cannot be built: {one_line(error)}") from error
    if not isinstance(network, nn.Module):
        raise NaswotError(
            f"The network cannot be built: its function returns no torch.nn.Module but "
            f"{type(network).__name__}."
        )
    return network


def _count(network: nn.Module, image: Inputs, dtype: torch.dtype) -> Counts:
    """Return the costs of a network, which may change, on the device of `image`."""
    if any(x.device != image.device or x.dtype not in (dtype, torch.int64) for x in held(network)):
        network = move_network(network, image.device, dtype)
    network.eval()
    found = tally_as_given(adapted(network, image, None), image)
    return Counts(params(network), found.flops, found.memory)


class _Weightless(DeviceContext):
    """Builds networks on the meta device and leaves out what draws weights."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if func in DRAWS:
            tensor = args[0] if args else (kwargs or {})["tensor"]
            if tensor.is_meta:
                return tensor
        return super().__torch_function__(func, types, args, kwargs)


# Functions that only set the values of a tensor, and return it.
DRAWS = {
    *(value for name, value in vars(nn.init).items() if name.endswith("_") and callable(value)),
    *(getattr(torch.Tensor, f"{name}_") for name in ("fill", "normal", "uniform", "zero")),
}
