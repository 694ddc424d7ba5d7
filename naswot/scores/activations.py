"""The sign codes that the activations of any network give to a mini-batch.

An activation is recognised by the operation that PyTorch executes. So it does not matter whether a
network uses modules, functions, methods or scripted blocks, in place or not. Activations are the
ReLUs of `naswot.scores.relu` (also `where(x > 0, x, 0)` and the like) and the curved `CURVED`. A
unit's code is 1 where the input of its activation is positive.

- The output has the same sign, except that sigmoid, softplus and the like have outputs of one sign.
  They are read by their input too, so that x · sigmoid(x) counts like SiLU. Gates count as well.
- Softmax, GLU and attention are none: they do not act on each unit by itself. Cells of recurrent
  layers may be hidden in one operation.

As in naswot, only reachable activations count: their input depends on the images, and the network's
output on theirs (`naswot.scores.dataflow`). The mini-batch is the first dimension of their input,
or it is found by experiment (`naswot.scores.batch_position`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.batch_position import BatchPosition, find_batch_positions
from naswot.scores.dataflow import IMAGES, DataFlow, TracedCall, tracing
from naswot.scores.inputs import Inputs
from naswot.scores.relu import batch_position_unclear, binary_codes

# Operations of PyTorch. SELU and CELU are executed as `elu`; GELU by hand contains tanh or erf.
CURVED = frozenset(
    {
        "celu",
        "elu",
        "erf",
        "gelu",
        "hardshrink",
        "hardsigmoid",
        "hardswish",
        "hardtanh",
        "log_sigmoid_forward",
        "mish",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "softshrink",
        "tanh",
    }
)

# What is kept of the codes (B, units) of an activation.
Reduce = Callable[[torch.Tensor], Any]


class ActivationFlow(DataFlow):
    """While active, follows what tensors depend on, and records the calls of activations.

    Args:
        network, images: as in `DataFlow`.
        batch_size: number of images.
        reduce: int8 codes (B, units) → what is kept of them; None keeps nothing.

    Attributes:
        kept: number of the call → what is kept, if the position of the mini-batch is clear.
    """

    def __init__(self, network: nn.Module, images: Inputs, batch_size: int, reduce: Reduce | None):
        super().__init__(network, images, batch_size, hooked=False, trial=reduce is None)
        self.reduce, self.size = reduce, batch_size
        self.kept: dict[int, Any] = {}

    def _relu_input(self, name: str, args: tuple, kwargs: dict) -> torch.Tensor | None:
        if name in CURVED:
            x = args[0] if args else kwargs.get("self")
            return x if isinstance(x, torch.Tensor) and x.is_floating_point() else None
        return super()._relu_input(name, args, kwargs)

    def record(self, x: torch.Tensor, owner: Any) -> int:
        """Record the call of an activation with input `x`. Returns the bit that stands for it."""
        call = TracedCall(x.shape, self._union([x]), owner)
        if call.dependencies & IMAGES:
            if batch_position_unclear(x.shape, self.size, self.moved):
                call.codes = x.detach() > 0
            elif self.reduce is not None:
                self.kept[len(self.calls)] = self._overlaps.get_or_compute(x, self._reduced)
        self.calls.append(call)
        return 1 << len(self.calls)

    def _reduced(self, x: torch.Tensor) -> Any:
        return None if self.reduce is None else self.reduce(binary_codes(x))


@dataclass
class Activations:
    """What the reachable activations of a network tell about a mini-batch.

    Attributes:
        output: of the network.
        kept: what is kept of the codes of each call.
        note: remarks, in one line; usually empty.
    """

    output: Any
    kept: list[Any] = field(default_factory=list)
    note: str = ""


def read_activations(network: nn.Module, images: Inputs, reduce: Reduce) -> Activations:
    """Run `network` on `images` (B, …) and return `reduce` of the codes of its activations.

    Args:
        network: in the mode and precision in which it is to run.
        images: the mini-batch.
        reduce: int8 codes (B, units) of an activation → what is kept of them.

    Raises:
        NaswotError: no activation depends on the images, or the images cannot be told apart in the
            input of one.
    """

    def run(batch: Inputs, reduce: Reduce | None = None) -> tuple[ActivationFlow, Any]:
        with torch.no_grad():
            batch = batch.clone()  # which the network may change in place
            flow = ActivationFlow(network, batch, len(images), reduce)
            with tracing(flow, network):
                return flow, network(batch)

    flow, output = run(images, reduce)
    if not any(call.dependencies & IMAGES for call in flow.calls):
        raise NaswotError(
            f"{type(network).__name__} calls no activation (ReLU, GELU, SiLU, tanh, …) that can be "
            "seen on data that depend on the images, so it has no activation codes to score."
        )
    bits = flow.dependencies_of(output) | flow.escaped
    reached = [
        (number, call)
        for number, call in enumerate(flow.calls)
        if call.dependencies & IMAGES and bits >> number + 1 & 1
    ]
    unclear = [number for number, call in reached if call.codes is not None]
    positions = find_batch_positions(run, network, images, 0, unclear, len(flow.calls))
    kept, assumed = [], 0
    for number, call in reached:
        if call.codes is None:
            kept.append(flow.kept[number])
            continue
        if number not in positions:
            _require_fold(network, call, len(images))
            assumed += 1
        position = positions.get(number, BatchPosition(0, True))
        kept.append(reduce(_unfolded(call.codes, position, len(images))))
    notes = (
        (assumed, f"{assumed} activations are assumed to have the mini-batch first"),
        (not reached, "the output depends on no activation, so all images have the same code"),
    )
    return Activations(output, kept, "; ".join(text for applies, text in notes if applies))


def _require_fold(network: nn.Module, call: TracedCall, batch_size: int) -> None:
    """Raise `NaswotError` unless the first dimension of the call's input may hold the images."""
    if not call.shape or call.shape[0] % batch_size:
        raise NaswotError(
            f"{type(network).__name__} has an activation with an input of shape "
            f"{tuple(call.shape)}, in which the {batch_size} images of the mini-batch cannot be "
            "told apart: its first dimension is no multiple of them."
        )


def _unfolded(codes: torch.Tensor, position: BatchPosition, batch_size: int) -> torch.Tensor:
    """Return bool `codes` as int8 (B, units); all parts of an image are its units."""
    codes = codes.movedim(position.dimension, 0)
    if not position.image_first:
        codes = codes.unflatten(0, (-1, batch_size)).transpose(0, 1)
    return codes.reshape(batch_size, -1).to(torch.int8)
