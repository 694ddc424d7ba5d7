"""The fused pass: one forward pass that also computes codes, with few passes over memory.

In an untrained convolutional network most time goes into what surrounds the convolutions: batch
normalisations, sums of branches, ReLUs and codes each read and write all activations. Here they
become lazy tensors (`naswot.scores.fused.tensor`), which one compiled loop computes when values are
needed.
"""

from collections.abc import Callable
from typing import Any

import torch

from naswot.scores.fused.sums import ChangedError, Sum
from naswot.scores.fused.tensor import (
    FusedFunction,
    LazyTensor,
    compute_nested,
    defer,
    is_replaceable,
    latest,
    relu,
    sum_of,
)
from naswot.scores.graph import Recorder
from naswot.scores.rectifiers import RELUS, Agreement, Memory


class FusedRecorder(Recorder):
    """Records ReLU calls as `Recorder` does, but computes their inputs, outputs and codes lazily.

    The graph and, in float32, all values are those of `Recorder`. In bfloat16 a sum is rounded
    once, not term by term.
    """

    def __init__(self, batch_size: int, published: bool):
        super().__init__(batch_size, published)
        self._sums = Memory()
        self._returned_twice: list[tuple[torch.Tensor, int]] = []  # with their versions

    def call_other(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Return the output of `func`, as a lazy tensor if that is possible."""
        output = defer(func, args, kwargs)
        return super().call_other(func, args, kwargs) if output is None else output

    def call_rectifier(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of the ReLU `func` and record the call."""
        if args:
            args = (latest(args[0]), *args[1:])
        else:
            kwargs = kwargs | {"input": latest(kwargs["input"])}
        return super().call_rectifier(func, args, kwargs)

    def compute(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of the ReLU `func`, from the fused pass if its input allows it."""
        x = args[0] if args else kwargs["input"]
        known = self._sum(x) if func in RELUS else None
        inplace = func.__name__ == "relu_" or kwargs.get("inplace", args[1:] == (True,))
        if known is None or (inplace and not is_replaceable(x)):
            return super().compute(func, args, kwargs)
        returned_before = known.rectified_handed_out
        output = relu(x, known)
        if returned_before:
            self._returned_twice.append((known.rectified, known.rectified_version))
        if inplace:
            x.now = output
        return output

    def agreement(self, x: torch.Tensor) -> Agreement:
        """Return the agreement of the codes of `x` (B, …); errors as for `Recorder`."""
        x = latest(x)
        known = self._sum(x)
        if known is None:
            return super().agreement(x)
        self.require_batch_first(x)
        known.rectify()
        return Agreement(known.active, x.numel() // len(x))

    def finish(self, output: Any) -> Any:
        """Return the network's output with its lazy tensors computed.

        Raises:
            ChangedError: the network has changed the output of a ReLU that was returned twice.
        """
        output = compute_nested(output)
        if any(tensor._version != version for tensor, version in self._returned_twice):
            raise ChangedError
        return output

    def may_rectify(self, node: Any) -> bool:
        """Return whether a node of the autograd graph is a ReLU or may hide one."""
        own = issubclass(getattr(type(node), "_forward_cls", object), FusedFunction)
        return not own and super().may_rectify(node)

    def _sum(self, x: torch.Tensor) -> Sum | None:
        """Return `x` as a sum of terms; None if the compiled loops cannot read it."""
        if isinstance(x, LazyTensor):
            return x.known
        known = self._sums.recall(x)
        if known is None and (known := sum_of(x)) is not None:
            self._sums.keep(x, known)
        return known
