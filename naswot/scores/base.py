"""What all scores share: the mini-batch they look at, the result, and how they are computed.

A family's function takes the network over, so `measure` hands each a copy, and one to those that
share a pass; all start from the same weights and the same state of the random generator,
whichever others are asked for.
"""

import copy
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.scores import Family
from naswot.scores.failures import one_line
from naswot.scores.lazy_modules import materialise


@dataclass(frozen=True)
class Batch:
    """A mini-batch.

    Attributes:
        images: (B, …), as the networks take them, already normalised, on the device to use.
        labels: int64 (B,), from 0 to `classes` − 1, on the same device.
        classes: how many there are; the networks have as many outputs, or one, for scores that
            look at no labels.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: int


@dataclass(frozen=True)
class Options:
    """How the naswot score is computed; the others are always computed in float32 or wider.

    Attributes:
        precision: of the forward pass, "float32" or "bfloat16".
        relu_count: "once" or "as-published"; see `naswot.scores.naswot.score`.
    """

    precision: str = "float32"
    relu_count: str = "once"


@dataclass(frozen=True)
class Score:
    """What scoring one network gives.

    Attributes:
        value: the score; −inf, inf and NaN are kept.
        seconds: wall time of the family's pass and of the construction; what families share
            counts for the first of them.
        build_seconds: wall time of the construction alone; 0 if a built network was given.
        relu_units: N_A, the rectified units counted; None for scores without codes.
        relu_modules: the rectifiers counted (their calls); None for scores without codes.
        note: what is to be known about the value, in one line; mostly nothing.
    """

    value: float
    seconds: float
    build_seconds: float = 0.0
    relu_units: int | None = None
    relu_modules: int | None = None
    note: str = ""


def measure(
    network: nn.Module | Callable[[], nn.Module],
    batch: Batch,
    families: Sequence[Family],
    options: Options = Options(),
) -> dict[str, Score]:
    """Compute all scores of `families` on one network, which is built once.

    Args:
        network: a module, which is not changed, or a function that builds one (its time is then
            measured too).
        batch: what the network is shown.
        families: what to compute.
        options: how.

    Returns:
        Score's name → result.

    Raises:
        NaswotError: the network cannot be copied, or a score does not apply to it.
    """
    started = time.perf_counter()
    given = isinstance(network, nn.Module)
    original: Any = network if given else network()
    materialise(original, batch.images[:2])  # some lazy modules cannot be copied
    build_seconds = 0.0 if given else time.perf_counter() - started
    cpu, cuda = torch.get_rng_state(), torch.cuda.get_rng_state_all()
    sharing = tuple(family for family in families if family.pass_needs)
    groups = list(dict.fromkeys(sharing if family.pass_needs else (family,) for family in families))
    results: dict[str, Score] = {}
    for group in groups:
        started = time.perf_counter()
        own = original if group is groups[-1] and not given else copy_network(original)
        if group is sharing:
            needs = {need for family in group for need in family.pass_needs}
            seen: tuple = (
                group[0].pass_class(own, batch.images, batch.labels, batch.classes, needs),
            )
        else:
            seen = (own, batch)
        for family in group:
            torch.set_rng_state(cpu)
            torch.cuda.set_rng_state_all(cuda)
            found = dict(family.compute(*seen, options))
            seconds = build_seconds + time.perf_counter() - started
            values = {name: found.pop(name) for name in family.scores}
            results |= {
                name: Score(value, seconds, build_seconds, **found)
                for name, value in values.items()
            }
            started = time.perf_counter()
    return {name: results[name] for family in families for name in family.scores}


def copy_network(network: nn.Module, name: str | None = None) -> nn.Module:
    """Return a copy of `network`, called `name` in messages, or as its class is.

    Raises:
        NaswotError: it cannot be copied.
    """
    try:
        return copy.deepcopy(network)
    except Exception as error:  # it holds a lock, an open file, tensors of a graph or the like
        raise NaswotError(
            f"{name or type(network).__name__} cannot be copied ({one_line(error)}) Pass a "
            "function that builds it."
        ) from error


def set_train_mode(network: nn.Module) -> nn.Module:
    """Return `network` in train mode.

    Networks with a `train` of their own may freeze layers in it and return nothing; exported blocks
    refuse it, for their mode is fixed. Where it fails, the mode alone is set, and the log says so.
    """
    try:
        network.train()
    except Exception as error:  # a network's own may raise anything
        refused = one_line(error)
        log.info("%s is put in train mode without train(): %s", type(network).__name__, refused)
        for module in network.modules():
            module.training = True
    return network


def move_network(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Return `network` on `device` and, what is floating point in it, in `dtype`.

    Networks may have a `to` of their own for tensors that they hold beside their parameters.
    """
    if type(network).to is not nn.Module.to:
        try:
            network.to(device)
        except Exception as error:  # it may take other arguments, or refuse
            refused = one_line(error)
            log.info("%s is moved without its own to(): %s", type(network).__name__, refused)
    tensors = itertools.chain(network.parameters(), network.buffers())
    if all(x.device == device and x.dtype in (dtype, torch.int64) for x in tensors):
        return network  # which asking is quicker than moving
    return nn.Module.to(network, device, dtype)


def set_memory_format(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Lay out what has four dimensions in `memory_format`; `Module.to` refuses what has five."""
    for tensor in itertools.chain(network.parameters(), network.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.contiguous(memory_format=memory_format)


def as_images(images: Any) -> torch.Tensor:
    """Return a mini-batch as a tensor; it may be given as an array.

    Raises:
        NaswotError: it is neither, or not of floating point.
    """
    if isinstance(images, np.ndarray) and images.dtype.kind in "fiub":
        images = torch.from_numpy(images)
    if not isinstance(images, torch.Tensor):
        raise NaswotError(
            f"The images are a {type(images).__name__}; a mini-batch is one tensor or NumPy array "
            "of floating point, (B, …), normalised. (Of a DataLoader take the first: "
            "images, labels = next(iter(loader)).)"
        )
    if not images.is_floating_point() or images.ndim < 2:
        raise NaswotError(
            f"The images are {images.dtype} of shape {tuple(images.shape)}; they have to be "
            "floating point, (B, …), and normalised."
        )
    return images


def save_state(network: nn.Module, images: torch.Tensor) -> Callable[[], None]:
    """Return a function that undoes what a forward pass changes: buffers, attributes, chance.

    Lists among the attributes get back what they held.
    """
    cpu = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state(images.device) if images.is_cuda else None
    spaces = [
        names
        for module in network.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # which keeps its attributes elsewhere
        for names in (vars(module), module._buffers)
    ]
    attributes = [(names, dict(names)) for names in spaces]
    lists = [(kept, [*kept]) for names in spaces for kept in names.values() if type(kept) is list]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]

    def restore() -> None:
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, images.device)
        for names, before in attributes:
            names.clear()
            names.update(before)
        for held, kept in lists:
            held[:] = kept
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)

    return restore
