"""What a network's rectifiers say of a mini-batch: one forward pass, and its autograd graph.

Rectifiers are found by the function that is called, so it does not matter whether a network
uses `nn.ReLU`, in place or not, `nn.ReLU6`, `torch.relu` or `functional.relu`, nor how often
one module is used. The binary code of an input is 1 where a rectifier's input is positive.

Which activations have a code:

- ReLU and ReLU6 (a Hardtanh from 0), `clamp(min=0)` and a Threshold at 0; that ReLU6 bends again at
  6 is left out of the code.
- LeakyReLU, PReLU and RReLU: linear on both sides of a kink at 0, so the same code tells which
  linear piece an input is on; the slope below 0 does not matter.
- Not Hardtanh from another bound, whose kinks lie elsewhere, nor Hardswish, Hardsigmoid, ELU,
  SELU, CELU, GELU, SiLU and Mish, which are curved: there is no linear piece to name. A network
  that mixes them with rectifiers, as MobileNetV3 does, is scored by its rectifiers alone.

A rectifier counts if it looks at the images and the output depends on it. Mostly the autograd graph
knows: it is built without keeping any activation (a hook on saved tensors drops them), so memory
stays that of a plain forward pass and no backward pass is needed. Where the graph may not tell all
(`UnsettledError`), `naswot.scores.reading` follows the data instead.
"""

import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from naswot.errors import NaswotError
from naswot.scores.outputs import tensors
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

# Functions of which a rectifier may be written by hand: a comparison with 0, a maximum of tensors.
COMPARISONS = frozenset(
    getattr(owner, name)
    for owner, names in (
        (torch, ("gt", "ge", "lt", "le", "greater", "greater_equal", "less", "less_equal")),
        (torch.Tensor, ("gt", "ge", "lt", "le", "__gt__", "__ge__", "__lt__", "__le__")),
    )
    for name in names
)
MAXIMA = frozenset({torch.max, torch.Tensor.max, torch.maximum, torch.Tensor.maximum})

# Functions after which data are no tensors any more.
LEAVING = frozenset(
    getattr(torch.Tensor, name)
    for name in ("item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__")
) | {torch.equal, torch.Tensor.equal}

# Nodes of the autograd graph that rectifiers make → the saved number that is 0 if they do.
NODES = {
    "ReluBackward0": None,
    "LeakyReluBackward0": None,
    "PreluKernelBackward0": None,
    "RreluWithNoiseBackward0": None,
    "HardtanhBackward0": "_saved_min_val",
    "ThresholdBackward0": "_saved_threshold",
    "ClampBackward1": "_saved_min",
    "ClampMinBackward0": "_saved_min",
}

# The integer that is as wide as a float.
BITS = {torch.float32: torch.int32, torch.bfloat16: torch.int16, torch.float16: torch.int16}


class NoRectifierError(NaswotError):
    """The network has no rectifier, so scores made of codes do not apply to it."""


class UnsettledError(Exception):
    """The autograd graph does not tell for sure which rectifiers count."""


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
    """One rectifier's reading of a tensor, and the node that it made in the autograd graph."""

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
        if x.is_inference():
            return  # changes in place would go unnoticed
        key = id(x)
        forget = weakref.ref(x, lambda _: self._known.pop(key, None))
        self._known[key] = (forget, x._version, known)


# Functions that are rectifiers if they bend at 0 → the argument that says where, and its default.
BENDING = {
    functional.hardtanh: ("min_val", -1.0),  # nn.ReLU6 is one from 0 to 6
    functional.hardtanh_: ("min_val", -1.0),
    functional.threshold: ("threshold", None),
    functional.threshold_: ("threshold", None),
    torch.threshold: ("threshold", None),
    torch.threshold_: ("threshold", None),
    **{
        getattr(owner, name): ("min", None)
        for owner in (torch, torch.Tensor)
        for name in ("clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_")
    },
}


def _rectifies(func: Any, args: tuple, kwargs: dict) -> bool:
    if func in BENDING:
        name, default = BENDING[func]
        bound = args[1] if len(args) > 1 else kwargs.get(name, default)
        return type(bound) in (int, float) and bound == 0 and _is_float(args, kwargs)
    return func in RECTIFIERS


def _is_float(args: tuple, kwargs: dict) -> bool:
    x = args[0] if args else kwargs.get("input")
    return isinstance(x, torch.Tensor) and x.is_floating_point()


def shows_relu(module: nn.Module) -> bool:
    """Return whether the authors' code takes `module` for a ReLU."""
    return "ReLU" in type(module).__name__


class Recorder(TorchFunctionMode):
    """While active, notes what every rectifier reads. Codes of one tensor are formed once.

    With `late`, what can be put off is computed late, see `naswot.scores.pending`.

    Attributes:
        readings: of rectifiers, in their order.
        cut: whether some data went on where gradients did not.
        without_gradients: whether some of it ran while gradients were off.
        hidden: whether there may be rectifiers that are not among the readings.
    """

    def __init__(self, batch_size: int, published: bool, late: bool):
        super().__init__()
        self.batch_size = batch_size
        self.published = published
        self.postponed = Postponed() if late else None
        self.readings: list[Reading] = []
        self.cut = self.without_gradients = self.hidden = False
        self._agreements, self._sums = Memory(), Memory()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not torch.is_grad_enabled():
            self.cut = self.without_gradients = True
        if self.postponed is not None:
            output = self.postponed.call(func, args, kwargs)
            if output is not None:
                return output
        if not _rectifies(func, args, kwargs):
            output = func(*args, **kwargs)
            self._look(func, args, kwargs, output)
            return output
        x = latest(args[0] if args else kwargs["input"])
        agreement = None if self.published else self.read(x)
        output = self._late_relu(x, func, args, kwargs) if func in RELUS else None
        if output is None:
            output = func(*args, **kwargs)
        if agreement is not None:
            self.note(agreement, output, reader=object())
            if output is x and x._is_view():  # the graph shows what it is a view of, not it
                self.cut = True
            if output is x and func not in LEAKY:  # in place: the codes are still its codes
                self._agreements.keep(x, agreement)
        return output

    def _look(self, func: Any, args: tuple, kwargs: dict, output: Any) -> None:
        """See whether `func` cuts the graph or hides a rectifier."""
        if type(output) is torch.Tensor and output.requires_grad and func not in MAXIMA:
            if type(func) is torch._ops.OpOverload:  # of an exported block
                self.hidden = True
            return  # most calls
        second = args[1] if len(args) > 1 else None
        if type(func) is torch._ops.OpOverload:
            self.hidden = True
        elif func in COMPARISONS and not isinstance(second, torch.Tensor):
            self.hidden = self.hidden or second == 0
        elif func in MAXIMA and isinstance(second, torch.Tensor):
            self.hidden = True
        if func in LEAVING or any(not part.requires_grad for part in _direct(output)):
            self.cut = self.cut or any(x.requires_grad for x in tensors((args, kwargs)))

    def read(self, x: torch.Tensor) -> Agreement:
        """Return the agreement of the codes of `x` (B, …), from memory if already formed.

        Raises:
            UnsettledError: it may be that the mini-batch is not the first dimension.
        """
        x = latest(x)
        if is_unclear(x.shape, self.batch_size):
            self.hidden = True  # should the network catch this
            raise UnsettledError(f"a ReLU reads a tensor of shape {tuple(x.shape)}")
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


def is_unclear(shape: torch.Size, batch_size: int) -> bool:
    """Return whether the mini-batch may not be the first dimension of a tensor of this shape.

    Sequences may come first, as in (S, B, C), also where S is B.
    """
    if not shape or shape[0] != batch_size:
        return True
    return len(shape) == 3 and shape[1] % batch_size == 0


def watch(
    network: nn.Module, images: torch.Tensor, published: bool, late: bool = False
) -> tuple[Any, list[Reading]]:
    """Run `network` on `images` (B, …) once; return its output and the readings that count.

    With `published`, the readers are the modules whose class name contains "ReLU", as in the
    authors' code; otherwise they are the calls of `RECTIFIERS`. With `late`, whatever can be is
    put off until it can be computed faster.

    Raises:
        ChangedError: the network changes a tensor in a way that does not go with `late`.
        UnsettledError: the autograd graph does not tell which rectifiers count.
    """
    recorder = Recorder(len(images), published, late)
    with ExitStack() as stack:
        if published:
            for module in network.modules():
                if shows_relu(module):
                    for handle in recorder.hook(module):
                        stack.callback(handle.remove)
        stack.enter_context(torch.enable_grad())
        stack.enter_context(saved_tensors_hooks(lambda _: None, _unavailable))
        stack.enter_context(recorder)
        # The inputs require a gradient, so that frozen weights do not hide a rectifier; a
        # copy, so that a network may rectify its own input in place.
        shown = images.detach().requires_grad_().clone()
        source = shown.grad_fn
        output = settled(network(shown))
    if late:
        recorder.postponed.check()
    scripted = any(isinstance(module, torch.jit.ScriptModule) for module in network.modules())
    hidden = recorder.hidden or (scripted and recorder.without_gradients)
    if not recorder.readings or (hidden and not published):
        raise UnsettledError("there may be rectifiers that the graph does not show")
    reached = _reached(output)
    seen = _seen(reached, source)
    nodes = {reading.node for reading in recorder.readings}
    if not published and any(_is_rectifier(node) for node in reached.keys() - nodes):
        raise UnsettledError("the graph shows a rectifier whose call was not seen")
    counted = {id(reading.reader) for reading in recorder.readings if reading.node in reached}
    left_out = len(counted) < len({id(reading.reader) for reading in recorder.readings})
    if not counted or (left_out and recorder.cut):
        raise UnsettledError("the output may depend on more rectifiers than the graph shows")
    found = [reading for reading in recorder.readings if id(reading.reader) in counted]
    if any(reading.node in reached and reading.node not in seen for reading in found):
        raise UnsettledError("a rectifier may not look at the images")
    return output, found


def _reached(output: Any) -> dict:
    """Return the nodes of the autograd graph on which `output` depends, with those they act on."""
    reached = {}
    pending = [tensor.grad_fn for tensor in tensors(output) if tensor.grad_fn is not None]
    while pending:
        node = pending.pop()
        if node not in reached:
            reached[node] = [before for before, _ in node.next_functions if before is not None]
            pending += reached[node]
    return reached


def _seen(reached: dict, source: Any) -> set:
    """Return those of `reached` that depend on the node `source`."""
    after: dict[Any, list] = {}
    for node, befores in reached.items():
        for before in befores:
            after.setdefault(before, []).append(node)
    seen, pending = {source}, [source]
    while pending:
        for node in after.get(pending.pop(), ()):
            if node not in seen:
                seen.add(node)
                pending.append(node)
    return seen


def _direct(output: Any) -> tuple[torch.Tensor, ...]:
    """Return the tensors that a function returns, by itself or in a tuple or list."""
    if isinstance(output, torch.Tensor):
        return (output,)
    if isinstance(output, tuple | list):
        return tuple(part for part in output if isinstance(part, torch.Tensor))
    return ()


def _is_rectifier(node: Any) -> bool:
    name = node.name()
    return name in NODES and (NODES[name] is None or getattr(node, NODES[name]) == 0)


def _unavailable(_: Any) -> torch.Tensor:
    raise UnsettledError("the network takes a gradient inside its own forward pass")
