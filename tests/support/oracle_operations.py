"""Compute the score of any network, literally and slowly, from the operations that torch executes.

It shares neither code nor method with the library. The library watches the Python functions that
are called; this module sees the operations below them, so that it also finds a ReLU in a function
imported by name or in a scripted function. The library walks the autograd graph; this module
computes gradients, and where there are none it perturbs the output of a ReLU and compares the
network's output. The input of a ReLU depends on the images if other images change it, and its rows
that change with image i belong to image i.

A call counts if its input is floats that depend on the images, batch first, (B, …) or (k·B, …)
with the k rows of an image side by side, and if the output of the network depends on it. All passes
are in train mode, with the same weights and the same state of the random generator.
"""

import copy
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
AT_ZERO = {
    ATEN.relu, ATEN.relu_, ATEN.leaky_relu, ATEN.leaky_relu_, ATEN._prelu_kernel,
    ATEN.rrelu_with_noise, ATEN.rrelu_with_noise_,
}  # fmt: skip
# Those whose kink is where they are told, by their second argument. ReLU6 is a hardtanh.
AT_BOUND = {
    ATEN.hardtanh, ATEN.hardtanh_, ATEN.threshold, ATEN.threshold_, ATEN.clamp, ATEN.clamp_,
    ATEN.clamp_min, ATEN.clamp_min_, ATEN.clip, ATEN.clip_,
}  # fmt: skip


@dataclass
class Call:
    """One operation that rectifies.

    Attributes:
        place: the module that was running and which of its calls this is, the same in all passes.
        shape: of what it read.
        rows: a digest of each row of that.
        output: what it returned.
        units: for one image; 0 if the first dimension cannot be the mini-batch.
        kernel: X Xᵀ + (1−X)(1−X)ᵀ of its codes X (B, units).
    """

    place: tuple[str, int]
    shape: tuple[int, ...]
    rows: list[bytes]
    output: torch.Tensor
    units: int = 0
    kernel: torch.Tensor | None = None


@dataclass
class Found:
    """What the oracle says of a network.

    Attributes:
        kernel: K_H (B, B), float64; NaN if the output has NaNs.
        units: N_A.
        calls: how many count.
        left_out: what rectifies and does not count, and why.
    """

    kernel: torch.Tensor
    units: int = 0
    calls: int = 0
    left_out: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        """Return ln |det K_H|."""
        return torch.linalg.slogdet(self.kernel).logabsdet.item()


def rectifies(operation: Any, args: Sequence) -> bool:
    """Return whether `operation` has a kink at 0 and is linear on both sides of it."""
    packet = operation.overloadpacket
    if packet not in AT_ZERO | AT_BOUND or not args[0].is_floating_point():
        return False
    bound = args[1] if len(args) > 1 else None  # it may be a tensor
    return packet in AT_ZERO or (isinstance(bound, int | float) and bound == 0)


class Watch(TorchDispatchMode):
    """Notes all calls that rectify a mini-batch; adds noise to the output of call `disturbed`."""

    def __init__(self, batch: int, disturbed: int | None = None):
        super().__init__()
        self.batch, self.disturbed = batch, disturbed
        self.calls: list[Call] = []
        self.running: list[str] = []
        self._counts: Counter = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if not rectifies(operation, args):
            return operation(*args, **(kwargs or {}))
        x = args[0].clone()  # it may be changed in place
        output = operation(*args, **(kwargs or {}))
        name = self.running[-1] if self.running else ""
        call = Call((name, self._counts[name]), tuple(x.shape), digests(x), output)
        self._counts[name] += 1
        if x.ndim and len(x) and len(x) % self.batch == 0:
            codes = (x > 0).reshape(self.batch, -1).double()
            call.kernel = codes @ codes.t() + (1 - codes) @ (1 - codes).t()
            call.units = codes.shape[1]
        if self.disturbed == len(self.calls):
            noise = torch.Generator().manual_seed(2)
            output.add_(torch.randn(output.shape, generator=noise, dtype=output.dtype))
        self.calls.append(call)
        return output

    def follow(self, network: nn.Module) -> None:
        """Keep the name of the module of `network` that is running."""

        def leave(*_) -> None:
            self.running.pop()

        for name, module in network.named_modules():
            module.register_forward_pre_hook(lambda *_, name=name: self.running.append(name))
            module.register_forward_hook(leave)


def digests(x: torch.Tensor) -> list[bytes]:
    """Return a digest of each row of `x`."""
    rows = x.detach().contiguous().reshape(len(x) if x.ndim else 1, -1)
    return [hashlib.blake2b(row.numpy().tobytes(), digest_size=8).digest() for row in rows]


def find(network: nn.Module, images: torch.Tensor) -> Found:
    """Return kernel, units and calls of `network` on `images` (B, …); neither is changed."""
    batch, state = len(images), torch.get_rng_state()
    noise = torch.Generator().manual_seed(1)
    others = torch.empty_like(images).copy_(torch.randn(images.shape, generator=noise))

    def run(network, images, disturbed=None, train=True) -> tuple[list[torch.Tensor], list[Call]]:
        watch, network = Watch(batch, disturbed), copy.deepcopy(network).train(train)
        watch.follow(network)
        torch.set_rng_state(state)
        with torch.enable_grad(), watch:
            output = network(images.detach().requires_grad_().clone())
        return list(tensors(output)), watch.calls

    def changed(network, other, **options) -> dict[tuple, set[int]]:
        """Return place of a call → rows it read that are others if `other` are the images."""
        before, after = (
            {call.place: call.rows for call in run(network, shown, **options)[1]}
            for shown in (images, other)
        )
        return {
            place: {
                number
                for number, (row, now) in enumerate(zip_longest(rows, after.get(place, [])))
                if row != now
            }
            for place, rows in before.items()
        }

    found = Found(torch.zeros(batch, batch, dtype=torch.float64))
    outputs, calls = run(network, images)
    if not calls:
        return found
    reached = with_gradient(outputs, [call.output for call in calls])
    of_images = changed(network, others)
    if not all(of_images.values()):  # a layer whose weights start at 0 may hide the images
        more = changed(jittered(network), others)
        of_images = {place: rows | more.get(place, set()) for place, rows in of_images.items()}
    first_other = torch.cat([others[:1], images[1:]]).to(memory_format=layout(images))
    folded = any(call.units and len(call.rows) > batch for call in calls)
    of_first = changed(network, first_other, train=False) if folded else {}

    for number, call in enumerate(calls):
        why = ""
        if not of_images.get(call.place, True):
            why = "is not of the images"
        elif not reached[number] and same(outputs, run(network, images, number)[0]):
            why = "does nothing to the output"
        elif not call.units:
            why = "has not the mini-batch first"
        elif of_first.get(call.place, set()) - set(range(len(call.rows) // batch)):
            why = "has not the rows of an image side by side"
        if why:
            found.left_out.append(f"{call.place[0]} {call.shape} {why}")
        else:
            found.kernel += call.kernel
            found.units += call.units
            found.calls += 1
    if any(tensor.isnan().any() for tensor in outputs):
        found.kernel.fill_(torch.nan)
    return found


def layout(images: torch.Tensor) -> torch.memory_format:
    """Return the memory format of `images`."""
    last = images.ndim == 4 and images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def tensors(output: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in what a network returned."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict | list | tuple):
        for part in output.values() if isinstance(output, dict) else output:
            yield from tensors(part)


def with_gradient(outputs: list[torch.Tensor], inner: list[torch.Tensor]) -> list[bool]:
    """Return for each of `inner` whether a backward pass from `outputs` comes by."""
    ends = [tensor for tensor in outputs if tensor.requires_grad]
    asked = [tensor for tensor in inner if tensor.requires_grad]
    if not ends or not asked:
        return [False] * len(inner)
    try:
        ones = [torch.ones_like(tensor) for tensor in ends]
        gradients = torch.autograd.grad(ends, asked, ones, allow_unused=True)
    except RuntimeError:  # it cannot be trained: something is changed that the gradient needs
        return [False] * len(inner)
    visited = {id(t) for t, gradient in zip(asked, gradients, strict=True) if gradient is not None}
    return [id(tensor) in visited for tensor in inner]


def jittered(network: nn.Module) -> nn.Module:
    """Return a copy of `network` none of whose parameters is 0."""
    network, noise = copy.deepcopy(network), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.01 * torch.randn(parameter.shape, generator=noise)
    return network


def same(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    """Return whether two outputs are equal."""
    return len(some) == len(others) and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
        for a, b in zip(some, others, strict=True)
    )
