"""Which rectifiers count by one forward pass and its autograd graph: the quick way.

A rectifier counts if it looks at the images and the output depends on it. Mostly the autograd graph
knows: it is built without keeping any activation (a hook on saved tensors drops them), so memory
stays that of a plain forward pass and no backward pass is needed. Where the graph may not tell all
(`UnsettledError`), `naswot.scores.reading` follows the data instead.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from naswot.scores.outputs import tensors
from naswot.scores.rectifiers import (
    LEAKY,
    Agreement,
    Memory,
    UnsettledError,
    binary_codes,
    is_unclear,
    moves,
    pairwise_active,
    rectifies,
    shows_relu,
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
    for name in (
        "item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__",
        "__complex__", "__contains__", "is_nonzero", "equal", "allclose",
    )
) | {torch.equal, torch.allclose, torch.is_nonzero}  # fmt: skip

# Attributes that reverse the dimensions.
TRANSPOSED = frozenset(getattr(torch.Tensor, name).__get__ for name in ("T", "H"))

# Nodes of the autograd graph that rectifiers make → the saved number that is 0 if they do.
NODES = {
    "ReluBackward0": None,
    "LeakyReluBackward0": None,
    "PreluKernelBackward0": None,
    "RreluWithNoiseBackward0": None,
    "HardtanhBackward0": "_saved_min_val",
    "ThresholdBackward0": "_saved_threshold",
    "ClampBackward0": None,  # from a tensor, which may be 0
    "ClampBackward1": "_saved_min",
    "ClampMinBackward0": "_saved_min",
    "ClampMinBackward1": None,
}


@dataclass
class Reading:
    """One rectifier's reading of a tensor, and the node that it made in the autograd graph."""

    agreement: Agreement
    node: Any
    reader: Any  # what is counted when any of its readings reaches the output


class Recorder(TorchFunctionMode):
    """While active, records what every ReLU reads. The codes of a tensor are computed once.

    `naswot.scores.fused` has a faster one, which overrides the public methods.

    Args:
        batch_size: number of images.
        published: whether ReLUs are the modules that are hooked (`hook`), not calls of functions.

    Attributes:
        readings: of rectifiers, in their order.
        cut: whether some data went on where gradients did not.
        moved: whether the mini-batch may be another dimension than the first.
        hidden: whether there may be rectifiers that are not among the readings.
    """

    def __init__(self, batch_size: int, published: bool):
        super().__init__()
        self.batch_size = batch_size
        self.published = published
        self.readings: list[Reading] = []
        self.cut = self.moved = self.hidden = False
        self._agreements = Memory()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not torch.is_grad_enabled():
            self.cut = self.hidden = True  # the graph shows nothing of what runs now
        if func in TRANSPOSED or moves(getattr(func, "__name__", ""), args, kwargs):
            self.moved = True
        call = self.call_rectifier if rectifies(func, args, kwargs) else self.call_other
        return call(func, args, kwargs)

    def call_other(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Return the output of `func`, which is no ReLU."""
        output = func(*args, **kwargs)
        self._look(func, args, kwargs, output)
        return output

    def call_rectifier(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of the ReLU `func` and record the call."""
        x = args[0] if args else kwargs["input"]
        agreement = None if self.published else self.agreement(x)
        output = self.compute(func, args, kwargs)
        if agreement is not None:
            self.note(agreement, output, reader=object())
            if output is x and x._is_view():  # the graph shows what it is a view of, not it
                self.cut = True
            if output is x and func not in LEAKY:  # in place: the codes are still its codes
                self._agreements.keep(x, agreement)
        return output

    def compute(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of the ReLU `func`."""
        return func(*args, **kwargs)

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

    def agreement(self, x: torch.Tensor) -> Agreement:
        """Return the agreement of the codes of `x` (B, …), from memory if already formed.

        Raises:
            UnsettledError: it may be that the mini-batch is not the first dimension.
        """
        self.require_batch_first(x)
        made = self._agreements.recall(x)
        if made is None:
            codes = binary_codes(x)
            made = Agreement(pairwise_active(codes), codes.shape[1])
            self._agreements.keep(x, made)
        return made

    def require_batch_first(self, x: torch.Tensor) -> None:
        """Raise UnsettledError if the first dimension of `x` may not be the mini-batch."""
        if is_unclear(x.shape, self.batch_size, self.moved):
            self.hidden = True  # should the network catch this
            raise UnsettledError("the first dimension that a ReLU reads may not be the mini-batch")

    def note(self, agreement: Agreement, output: torch.Tensor, reader: Any) -> None:
        """Record that `reader` read a tensor of this agreement and returned `output`."""
        self.readings.append(Reading(agreement, output.grad_fn, reader))

    def hook(self, module: nn.Module) -> tuple:
        """Count every call of `module` as one reading of its input. Returns the hooks' handles."""
        entered: list[Agreement] = []

        def before(_, inputs):
            kept = self.cut, self.moved, self.hidden
            entered.append(self.agreement(inputs[0]))
            self.cut, self.moved, self.hidden = kept  # what reading does is not the network's

        def after(_, inputs, output):
            self.note(entered.pop(), output, reader=module)

        return module.register_forward_pre_hook(before), module.register_forward_hook(after)

    def finish(self, output: Any) -> Any:
        """Return `output`, which the network returned."""
        return output

    def may_rectify(self, node: Any) -> bool:
        """Return whether a node of the autograd graph is a ReLU or may hide one."""
        if isinstance(node, BackwardCFunction):  # of a function that somebody wrote
            return True
        name = node.name()
        if "DifferentiableGraph" in name:  # of a scripted part that has been optimised
            return True
        return name in NODES and (NODES[name] is None or getattr(node, NODES[name]) == 0)


def watch(
    network: nn.Module, images: torch.Tensor, recorder: Recorder
) -> tuple[Any, list[Reading]]:
    """Run `network` on `images` (B, …) once; return its output and the readings that count.

    The readers are the modules whose class name contains "ReLU" if `recorder` counts as published,
    as in the authors' code; otherwise they are the calls of `RECTIFIERS`.

    Raises:
        UnsettledError: the autograd graph does not tell which rectifiers count.
    """
    with ExitStack() as stack:
        if recorder.published:
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
        output = network(shown)
    output = recorder.finish(output)
    if not recorder.readings or (recorder.hidden and not recorder.published):
        raise UnsettledError("there may be rectifiers that the graph does not show")
    reached = _reached(output)
    seen = _seen(reached, source)
    nodes = {reading.node for reading in recorder.readings}
    unrecorded = reached.keys() - nodes
    if not recorder.published and any(map(recorder.may_rectify, unrecorded)):
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
    left = [tensor.grad_fn for tensor in tensors(output) if tensor.grad_fn is not None]
    while left:
        node = left.pop()
        if node not in reached:
            reached[node] = [before for before, _ in node.next_functions if before is not None]
            left += reached[node]
    return reached


def _seen(reached: dict, source: Any) -> set:
    """Return those of `reached` that depend on the node `source`."""
    after: dict[Any, list] = {}
    for node, befores in reached.items():
        for before in befores:
            after.setdefault(before, []).append(node)
    seen, left = {source}, [source]
    while left:
        for node in after.get(left.pop(), ()):
            if node not in seen:
                seen.add(node)
                left.append(node)
    return seen


def _direct(output: Any) -> tuple[torch.Tensor, ...]:
    """Return the tensors that a function returns, by itself or in a tuple or list."""
    if isinstance(output, torch.Tensor):
        return (output,)
    if isinstance(output, tuple | list):
        return tuple(part for part in output if isinstance(part, torch.Tensor))
    return ()


def _unavailable(_: Any) -> torch.Tensor:
    raise UnsettledError("the network takes a gradient inside its own forward pass")
