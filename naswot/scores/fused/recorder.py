"""A recorder of ReLU calls that computes what surrounds convolutions in fused passes."""

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
from naswot.scores.relu import PLAIN_RELUS, CodeOverlap, TensorCache


class FusedRecorder(Recorder):
    """While active, records the calls of ReLUs, and defers batch normalisations, sums and ReLUs.

    The autograd graph and, in float32, all values are those of `Recorder`. In bfloat16 a sum is
    rounded once, not once per addition.
    """

    def __init__(self, batch_size: int, published: bool):
        super().__init__(batch_size, published)
        self._sums = TensorCache()
        self._returned_twice: list[tuple[torch.Tensor, int]] = []  # outputs of ReLUs, versions

    def call_other(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Return the output of `func`, not a ReLU: a lazy tensor if possible."""
        output = defer(func, args, kwargs)
        return super().call_other(func, args, kwargs) if output is None else output

    def call_relu(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of `func`, a ReLU, and record the call."""
        if args:
            args = (latest(args[0]), *args[1:])
        else:
            kwargs = kwargs | {"input": latest(kwargs["input"])}
        return super().call_relu(func, args, kwargs)

    def compute_relu(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor:
        """Return the output of `func`, a ReLU: from the fused pass if possible."""
        x = args[0] if args else kwargs["input"]
        deferred = self._sum_of(x) if func in PLAIN_RELUS else None
        inplace = func.__name__ == "relu_" or kwargs.get("inplace", args[1:] == (True,))
        if deferred is None or (inplace and not is_replaceable(x)):
            return super().compute_relu(func, args, kwargs)
        if deferred.relu_returned:
            self._returned_twice.append((deferred.relu_output, deferred.relu_version))
        output = relu(x, deferred)
        if inplace:
            x.replacement = output
        return output

    def overlap(self, x: torch.Tensor) -> CodeOverlap:
        """Return the overlap of the codes of `x` (B, …). Raises as `Recorder.overlap`."""
        x = latest(x)
        deferred = self._sum_of(x)
        if deferred is None:
            return super().overlap(x)
        self.require_batch_first(x)
        deferred.relu()
        return CodeOverlap(deferred.active, x.numel() // len(x))

    def finish(self, output: Any) -> Any:
        """Return the network's `output` with its lazy tensors computed.

        Raises:
            ChangedError: the network has changed the output of a ReLU that it uses elsewhere.
        """
        output = compute_nested(output)
        if any(tensor._version != version for tensor, version in self._returned_twice):
            raise ChangedError
        return output

    def may_be_relu(self, node: Any) -> bool:
        """Return whether a node of the autograd graph is a ReLU or may contain one."""
        own = issubclass(getattr(type(node), "_forward_cls", object), FusedFunction)
        return not own and super().may_be_relu(node)

    def _sum_of(self, x: torch.Tensor) -> Sum | None:
        return x.deferred if isinstance(x, LazyTensor) else self._sums.get_or_compute(x, sum_of)
