"""What a network's rectifiers say of a mini-batch: one forward pass, watched.

Rectifiers are found by the function that is called, so it does not matter whether a network
uses `nn.ReLU`, in place or not, `nn.ReLU6`, `torch.relu` or `functional.relu`, nor how often
one module is used. The binary code of an input is 1 where a rectifier's input is positive.

Which activations have a code:

- ReLU and ReLU6 (a Hardtanh from 0); that ReLU6 bends again at 6 is left out of the code.
- LeakyReLU, PReLU and RReLU: linear on both sides of a kink at 0, so the same code tells which
  linear piece an input is on; the slope below 0 does not matter.
- Not Hardtanh from another bound, whose kinks lie elsewhere, nor Hardswish, Hardsigmoid, ELU,
  SELU, CELU, GELU, SiLU and Mish, which are curved: there is no linear piece to name. A network
  that mixes them with rectifiers, as MobileNetV3 does, is scored by its rectifiers alone.

A rectifier counts only if the output depends on it. The autograd graph knows: it is built
without keeping any activation (a hook on saved tensors drops them), so memory stays that of
a plain forward pass and no backward pass is needed.
"""

import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from naswot.errors import NaswotError
from naswot.scores.pending import Pending, Postponed, latest, settled, sum_of, unseen
from naswot.scores.sums import Sum

RECTIFIERS = frozenset(
    {
        functional.relu,
        functional.relu_,
        functional.relu6,
        torch.relu,
        torch.relu_,
        torch.Tensor.relu,
        torch.Tensor.relu_,
        functional.leaky_relu,
        functional.leaky_relu_,
        functional.prelu,
        torch.Tensor.prelu,
        functional.rrelu,
        functional.rrelu_,
        torch.rrelu,
    }
)

# Those that may give what is negative a positive sign.
LEAKY = frozenset(
    {functional.leaky_relu, functional.leaky_relu_, functional.rrelu, functional.rrelu_}
)

# Those that return the positive part of what they read.
RELUS = frozenset(
    {
        functional.relu,
        functional.relu_,
        torch.relu,
        torch.relu_,
        torch.Tensor.relu,
        torch.Tensor.relu_,
    }
)

# The integer that is as wide as a float.
BITS = {torch.float32: torch.int32, torch.bfloat16: torch.int16, torch.float16: torch.int16}


class NoRectifierError(NaswotError):
    """The network has no rectifier, so scores made of codes do not apply to it."""


@dataclass
class Agreement:
    """How often pairs of inputs are active together at one tensor.

    Attributes:
        active: (B, B) integer matrix X Xᵀ of the codes X (B, units).
        units: number of units, the width of X.
    """

    active: torch.Tensor
    units: int


@dataclass
class Reading:
    """One rectifier's reading of a tensor, and the node of the autograd graph that it made."""

    agreement: Agreement
    node: Any
    reader: Any  # what is counted when any of its readings reaches the output


class Memory:
    """What is known of tensors, as long as they live and nobody changes them in place."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref, int, Any]] = {}

    def recall(self, x: torch.Tensor) -> Any:
        """Return what is known of `x`, or None."""
        tensor, version, known = self._known.get(id(x), (None, None, None))
        return known if tensor is not None and tensor() is x and version == x._version else None

    def keep(self, x: torch.Tensor, known: Any) -> None:
        """Remember what is known of `x`."""
        key = id(x)
        forget = weakref.ref(x, lambda _: self._known.pop(key, None))
        self._known[key] = (forget, x._version, known)


def _rectifies(func: Any, args: tuple, kwargs: dict) -> bool:
    if func in (functional.hardtanh, functional.hardtanh_):  # nn.ReLU6 is one from 0 to 6
        lowest = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
        return lowest == 0
    return func in RECTIFIERS


class Recorder(TorchFunctionMode):
    """While active, notes what every rectifier reads. Codes of one tensor are formed once.

    With `late`, what can be put off is computed late, see `naswot.scores.pending`.
    """

    def __init__(self, batch_size: int, published: bool, late: bool):
        super().__init__()
        self.batch_size = batch_size
        self.published = published
        self.postponed = Postponed() if late else None
        self.readings: list[Reading] = []
        self._agreements, self._sums = Memory(), Memory()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self.postponed is not None:
            output = self.postponed.call(func, args, kwargs)
            if output is not None:
                return output
        if not _rectifies(func, args, kwargs):
            return func(*args, **kwargs)
        x = latest(args[0] if args else kwargs["input"])
        agreement = None if self.published else self.read(x)
        output = self._late_relu(x, func, args, kwargs) if func in RELUS else None
        if output is None:
            output = func(*args, **kwargs)
        if agreement is not None:
            self.note(agreement, output, reader=object())
            if output is x and func not in LEAKY:  # in place: the codes are still its codes
                self._agreements.keep(x, agreement)
        return output

    def read(self, x: torch.Tensor) -> Agreement:
        """Return the agreement of the codes of `x` (B, …), from memory if already formed."""
        x = latest(x)
        if x.ndim < 1 or x.shape[0] != self.batch_size:
            raise NaswotError(
                f"A ReLU reads a tensor of shape {tuple(x.shape)}: its first dimension is not the "
                f"mini-batch of {self.batch_size}, so inputs cannot be told apart there. Score a "
                "network that keeps the batch first."
            )
        late = self._sum(x)
        if late is not None:
            late.rectify()
            return Agreement(late.active, x.numel() // len(x))
        made = self._agreements.recall(x)
        if made is None:
            codes = binary_codes(x)
            made = Agreement(pairwise_active(codes), codes.shape[1])
            self._agreements.keep(x, made)
        return made

    def _late_relu(self, x, func, args, kwargs) -> torch.Tensor | None:
        """Return ReLU of `x` if something of it has been put off."""
        inplace = func.__name__ == "relu_" or kwargs.get("inplace", args[1:] == (True,))
        known = self._sum(x)
        if known is None or (inplace and not unseen(x)):
            return None
        output = self.postponed.relu(x, known)
        if inplace:
            x.now = output
        return output

    def _sum(self, x: torch.Tensor) -> Sum | None:
        """Return what `x` is the sum of, or None if nothing of it is put off."""
        if self.postponed is None:
            return None
        if isinstance(x, Pending):
            return x.known
        known = self._sums.recall(x)
        if known is None and (known := sum_of(x)) is not None:
            self._sums.keep(x, known)
        return known

    def note(self, agreement: Agreement, output: torch.Tensor, reader: Any) -> None:
        """Record that `reader` read a tensor of this agreement and returned `output`."""
        self.readings.append(Reading(agreement, output.grad_fn, reader))

    def hook(self, module: nn.Module) -> tuple:
        """Count every call of `module` as one reading of its input. Returns the hooks' handles."""
        entered: list[Agreement] = []

        def before(_, inputs):
            entered.append(self.read(inputs[0]))

        def after(_, inputs, output):
            self.note(entered.pop(), output, reader=module)

        return module.register_forward_pre_hook(before), module.register_forward_hook(after)


def binary_codes(x: torch.Tensor) -> torch.Tensor:
    """Return the codes of tensor `x` (B, …) as int8 (B, units): 1 where x > 0.

    The order of the units is that of memory; distances between codes do not depend on it.
    """
    x = x.detach()
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    x = x.reshape(len(x), -1)
    bits = BITS.get(x.dtype)
    if bits is None:
        return (x > 0).view(torch.int8)
    # A float is positive exactly if its bits, read as an integer, are: on a CPU this takes half
    # of a comparison's time in float32 and a tenth in bfloat16. (A NaN may read as positive;
    # whoever asks looks for NaNs in the output.)
    return x.view(bits).clamp(0, 1).to(torch.int8)


def pairwise_active(codes: torch.Tensor) -> torch.Tensor:
    """Return X Xᵀ of int8 codes X (B, units) as an exact int32 matrix (B, B)."""
    integers = codes.device.type == "cpu" and "AVX512" in torch.backends.cpu.get_cpu_capability()
    # Of a single column (or row) torch's integer product mistakes the strides and reads beyond it.
    if integers and min(codes.shape) > 1:
        return torch._int_mm(codes, codes.t())
    # Zeros, ones and sums below 2²⁴ are exact in float32, and in TF32 inputs too.
    wide = codes.float()
    return (wide @ wide.t()).to(torch.int32)


def watch(
    network: nn.Module, images: torch.Tensor, published: bool, late: bool = False
) -> tuple[Any, list[Reading]]:
    """Run `network` on `images` (B, …) once; return its output and the readings that count.

    With `published`, the readers are the modules whose class name contains "ReLU", as in the
    authors' code; otherwise they are the calls of `RECTIFIERS`. With `late`, whatever can be is
    put off until it can be computed faster.

    Raises:
        ChangedError: the network changes a tensor in a way that does not go with `late`.
        NoRectifierError: the network has no such rectifier.
        NaswotError: a rectifier does not see the batch.
    """
    recorder = Recorder(len(images), published, late)
    with ExitStack() as stack:
        if published:
            for module in network.modules():
                if "ReLU" in type(module).__name__:
                    for handle in recorder.hook(module):
                        stack.callback(handle.remove)
        stack.enter_context(torch.enable_grad())
        stack.enter_context(saved_tensors_hooks(lambda _: None, _unavailable))
        stack.enter_context(recorder)
        # The inputs require a gradient, so that frozen weights do not hide a rectifier; a
        # copy, so that a network may rectify its own input in place.
        output = settled(network(images.detach().requires_grad_().clone()))
    if late:
        recorder.postponed.check()
    if not recorder.readings:
        raise NoRectifierError(
            f"{type(network).__name__} calls no ReLU, ReLU6, LeakyReLU, PReLU or RReLU that can be "
            "seen (scripted and compiled modules hide theirs), so it has no activation codes to "
            "score."
        )
    reached = _reached(output)
    counted = {id(reading.reader) for reading in recorder.readings if reading.node in reached}
    return output, [reading for reading in recorder.readings if id(reading.reader) in counted]


def tensors(output: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in a network's output: one, or nested in tuples, lists and dicts."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from tensors(value)


def _reached(output: Any) -> set:
    """Return the nodes of the autograd graph on which `output` depends."""
    pending = [tensor.grad_fn for tensor in tensors(output) if tensor.grad_fn is not None]
    reached = set(pending)
    while pending:
        for node, _ in pending.pop().next_functions:
            if node is not None and node not in reached:
                reached.add(node)
                pending.append(node)
    return reached


def _unavailable(_: Any) -> torch.Tensor:
    raise NaswotError(
        "The network takes a gradient inside its own forward pass; such a network cannot be scored."
    )
