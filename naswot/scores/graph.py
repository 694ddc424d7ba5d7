"""Find the reachable ReLUs by one forward pass and its autograd graph.

A ReLU is reachable if its input depends on the images and the network's output depends on its own
output. The autograd graph usually shows both. It is built without keeping activations: a hook on
saved tensors drops them. So memory is that of a plain forward pass, and no backward pass is needed.
If the graph may be incomplete, `IncompleteGraphError` is raised; `naswot.scores.codes` then follows
the data flow instead.
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

from naswot.scores.outputs import tensors_in
from naswot.scores.relu import (
    LEAKY_RELUS,
    CodeOverlap,
    IncompleteGraphError,
    TensorCache,
    batch_position_unclear,
    is_relu,
    is_relu_module,
    may_move_batch,
)

# Functions by which a network may write a ReLU of its own: comparisons with 0, maxima of tensors.
COMPARISONS = frozenset(
    getattr(owner, name)
    for owner, names in (
        (torch, ("gt", "ge", "lt", "le", "greater", "greater_equal", "less", "less_equal")),
        (torch.Tensor, ("gt", "ge", "lt", "le", "__gt__", "__ge__", "__lt__", "__le__")),
    )
    for name in names
)
MAXIMA = frozenset({torch.max, torch.Tensor.max, torch.maximum, torch.Tensor.maximum})

# Functions whose results are not tensors, so that the graph ends there.
ESCAPES = frozenset(
    getattr(torch.Tensor, name)
    for name in (
        "item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__",
        "__complex__", "__contains__", "is_nonzero", "equal", "allclose",
    )
) | {torch.equal, torch.allclose, torch.is_nonzero}  # fmt: skip

# Attributes that reverse the order of dimensions.
TRANSPOSED = frozenset(getattr(torch.Tensor, name).__get__ for name in ("T", "H"))

# Nodes of the autograd graph that may be a ReLU's → the saved attribute that is then 0, if any.
RELU_NODES = {
    "ReluBackward0": None,
    "LeakyReluBackward0": None,
    "PreluKernelBackward0": None,
    "RreluWithNoiseBackward0": None,
    "HardtanhBackward0": "_saved_min_val",
    "ThresholdBackward0": "_saved_threshold",
    "ClampBackward0": None,  # the bound is a tensor, which may be 0
    "ClampBackward1": "_saved_min",
    "ClampMinBackward0": "_saved_min",
    "ClampMinBackward1": None,
}


@dataclass
class ReluCall:
    """One call of a ReLU.

    Attributes:
        overlap: of the codes of its input.
        node: its node in the autograd graph.
        owner: the call itself, or its module. If one call of an owner is reachable, all count.
    """

    overlap: CodeOverlap
    node: Any
    owner: Any


class Recorder(TorchFunctionMode):
    """While active, records the calls of ReLUs. The codes of a tensor are computed once.

    `naswot.scores.fused.recorder` has a faster subclass.

    Args:
        batch_size: number of images B; the first dimension of ReLUs' inputs.
        published: whether ReLUs are the modules that are given to `hook`, as in the authors' code,
            and not the calls of ReLU functions.

    Attributes:
        calls: of ReLUs, in the order of execution.
        cut: whether data depend on other data in a way that the graph does not show.
        moved: whether the mini-batch may have moved from the first dimension to another.
        hidden: whether there may be ReLUs that are not among the calls.
    """

    def __init__(self, batch_size: int, published: bool):
        super().__init__()
        self.batch_size, self.published = batch_size, published
        self.calls: list[ReluCall] = []
        self.cut = self.moved = self.hidden = False
        self._overlaps = TensorCache()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not torch.is_grad_enabled():
            self.cut = self.hidden = True  # the graph does not show what runs now
        if func in TRANSPOSED or may_move_batch(getattr(func, "__name__", ""), args, kwargs):
            self.moved = True
        call = self.call_relu if is_relu(func, args, kwargs) else self.call_other
        return call(func, args, kwargs)

    def call_relu(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of `func`, a ReLU, and record the call."""
        x = args[0] if args else kwargs["input"]
        overlap = None if self.published else self.overlap(x)
        output = self.compute_relu(func, args, kwargs)
        if overlap is not None:
            self.calls.append(ReluCall(overlap, output.grad_fn, owner=object()))
            if output is x and x._is_view():  # the graph then shows its base instead
                self.cut = True
            if output is x and func not in LEAKY_RELUS:  # in place, and the codes stay the same
                self._overlaps.put(x, overlap)
        return output

    def compute_relu(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of `func`, a ReLU."""
        return func(*args, **kwargs)

    def call_other(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Return the output of `func`, not a ReLU, and note what it hides from the graph."""
        output = func(*args, **kwargs)
        exported = type(func) is torch._ops.OpOverload  # called by an exported block
        if type(output) is torch.Tensor and output.requires_grad and func not in MAXIMA:
            self.hidden = self.hidden or exported
            return output  # most calls
        second = args[1] if len(args) > 1 else None
        if exported or (func in MAXIMA and isinstance(second, torch.Tensor)):
            self.hidden = True
        elif func in COMPARISONS and not isinstance(second, torch.Tensor):
            self.hidden = self.hidden or second == 0
        if func in ESCAPES or any(not part.requires_grad for part in _returned_tensors(output)):
            self.cut = self.cut or any(x.requires_grad for x in tensors_in((args, kwargs)))
        return output

    def overlap(self, x: torch.Tensor) -> CodeOverlap:
        """Return the overlap of the codes of `x` (B, …).

        Raises:
            IncompleteGraphError: the first dimension of `x` may not be the mini-batch.
        """
        self.require_batch_first(x)
        return self._overlaps.get_or_compute(x, CodeOverlap.of_input)

    def require_batch_first(self, x: torch.Tensor) -> None:
        """Raise `IncompleteGraphError` if the first dimension of `x` may not be the mini-batch."""
        if batch_position_unclear(x.shape, self.batch_size, self.moved):
            self.hidden = True  # in case the network catches the exception
            raise IncompleteGraphError("the input of a ReLU may not have the mini-batch first")

    def hook(self, module: nn.Module) -> tuple:
        """Record every call of `module` as one of a ReLU. Returns the handles of the hooks."""
        entered: list[CodeOverlap] = []

        def before(_, inputs):
            state = self.cut, self.moved, self.hidden
            entered.append(self.overlap(inputs[0]))
            self.cut, self.moved, self.hidden = state  # computing codes must not change them

        def after(_, inputs, output):
            self.calls.append(ReluCall(entered.pop(), output.grad_fn, owner=module))

        return module.register_forward_pre_hook(before), module.register_forward_hook(after)

    def finish(self, output: Any) -> Any:
        """Return the network's `output` once the forward pass has ended."""
        return output

    def may_be_relu(self, node: Any) -> bool:
        """Return whether a node of the autograd graph is a ReLU or may contain one."""
        if isinstance(node, BackwardCFunction):  # a custom autograd function
            return True
        name = node.name()
        if "DifferentiableGraph" in name:  # an optimised part of a scripted module
            return True
        if name not in RELU_NODES:
            return False
        bound = RELU_NODES[name]
        return bound is None or getattr(node, bound) == 0


def read_graph(
    network: nn.Module, images: torch.Tensor, recorder: Recorder
) -> tuple[Any, list[ReluCall]]:
    """Run `network` on `images` (B, …) once; return its output and the reachable ReLU calls.

    Raises:
        IncompleteGraphError: the autograd graph does not tell which ReLUs are reachable.
    """
    with ExitStack() as stack:
        if recorder.published:
            for module in network.modules():
                if is_relu_module(module):
                    for handle in recorder.hook(module):
                        stack.callback(handle.remove)
        stack.enter_context(torch.enable_grad())
        stack.enter_context(saved_tensors_hooks(lambda _: None, _refuse_saved_tensor))
        stack.enter_context(recorder)
        # The images require a gradient, so that frozen weights do not hide a ReLU. They are a copy,
        # because the network may change its input in place.
        batch = images.detach().requires_grad_().clone()
        source = batch.grad_fn
        output = network(batch)
    output = recorder.finish(output)
    calls = recorder.calls
    if not calls or (recorder.hidden and not recorder.published):
        raise IncompleteGraphError("there may be ReLUs that the graph does not show")
    inputs_of = _graph_of(output)
    dependent = _nodes_after(source, inputs_of)
    unrecorded = inputs_of.keys() - {call.node for call in calls}
    if not recorder.published and any(map(recorder.may_be_relu, unrecorded)):
        raise IncompleteGraphError("the graph shows a ReLU that was not recorded")
    owners = {id(call.owner) for call in calls if call.node in inputs_of}
    left_out = len(owners) < len({id(call.owner) for call in calls})
    if not owners or (left_out and recorder.cut):
        raise IncompleteGraphError("the output may depend on more ReLUs than the graph shows")
    reachable = [call for call in calls if id(call.owner) in owners]
    if any(call.node in inputs_of and call.node not in dependent for call in reachable):
        raise IncompleteGraphError("the input of a ReLU may not depend on the images")
    return output, reachable


def _graph_of(output: Any) -> dict[Any, list]:
    """Return the autograd graph that ends in `output`, as node → nodes of its inputs."""
    graph: dict[Any, list] = {}
    left = [tensor.grad_fn for tensor in tensors_in(output) if tensor.grad_fn is not None]
    while left:
        node = left.pop()
        if node not in graph:
            graph[node] = [before for before, _ in node.next_functions if before is not None]
            left += graph[node]
    return graph


def _nodes_after(source: Any, graph: dict[Any, list]) -> set:
    """Return the nodes of `graph` that depend on the node `source`, with `source`."""
    outputs_of: dict[Any, list] = {}
    for node, inputs in graph.items():
        for before in inputs:
            outputs_of.setdefault(before, []).append(node)
    found, left = {source}, [source]
    while left:
        for node in outputs_of.get(left.pop(), ()):
            if node not in found:
                found.add(node)
                left.append(node)
    return found


def _returned_tensors(output: Any) -> tuple[torch.Tensor, ...]:
    """Return the tensors that a function returns, alone or in a tuple or list."""
    if isinstance(output, torch.Tensor):
        return (output,)
    if isinstance(output, tuple | list):
        return tuple(part for part in output if isinstance(part, torch.Tensor))
    return ()


def _refuse_saved_tensor(_: Any) -> torch.Tensor:
    raise IncompleteGraphError("the network takes a gradient inside its own forward pass")
