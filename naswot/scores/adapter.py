"""Let every network be called with one argument, the mini-batch, and return what is scored."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.failures import one_line
from naswot.scores.inputs import Inputs, TensorTree

# From what a network returns to the tensor (B, …) that is scored.
Output = Callable[[Any], torch.Tensor]
# What a function finds that expects another form of output.
MISMATCHES = (AttributeError, LookupError, TypeError, ValueError)


class Adapter(nn.Module):
    """A network that takes its inputs as one argument.

    Args:
        network: the network that is called.
        output: chooses the tensor of its output; None: the adapter returns the output as it is.
    """

    def __init__(self, network: nn.Module, output: Output | None):
        super().__init__()
        self.network = network
        self.outputs = (output,)  # in a tuple, so that a module is no part of the network

    def forward(self, inputs: Inputs) -> Any:
        """Return the output for `inputs`.

        Raises:
            NaswotError: `output` does not suit what the network returns, or returns no tensor.
        """
        if isinstance(inputs, torch.Tensor):
            returned = self.network(inputs)
        elif isinstance(inputs.tree, dict):
            returned = self.network(**inputs.tree)
        else:
            returned = self.network(*inputs.tree)
        (output,) = self.outputs
        if output is None:
            return returned
        name, kind = type(self.network).__name__, type(returned).__name__
        try:
            found = output(returned)
        except MISMATCHES as error:
            raise NaswotError(
                f"{name} returns a {kind}, on which the function `output` fails: {one_line(error)} "
                "It has to return the tensor to score, (B, …)."
            ) from error
        if not isinstance(found, torch.Tensor):
            raise NaswotError(
                f"{name} returns a {kind}, of which the function `output` makes a "
                f"{type(found).__name__}; it has to return the tensor to score, (B, …)."
            )
        return found

    def to(self, *args: Any, **kwargs: Any) -> "Adapter":
        """Move the network, by its own method if it has one."""
        self.network.to(*args, **kwargs)
        return self


def adapted(network: nn.Module, images: Inputs, output: Output | None) -> nn.Module:
    """Return `network`, in an `Adapter` of its name where inputs or output need one."""
    plain = output is None and not isinstance(images, TensorTree)
    if plain or isinstance(network, Adapter):
        return network
    return type(type(network).__name__, (Adapter,), {})(network, output)
