"""Find the blocks of a network by its structure, and keep their outputs in a forward pass.

Blocks are the outermost modules that have children, such as cells, residual blocks and attention
blocks. The network itself and containers (`nn.Sequential`, `nn.ModuleList`, `nn.ModuleDict`) are no
blocks: they are opened. If fewer than `LEAST` blocks are found, these are opened too, and so on; a
network that is a plain chain ends with its convolutions and linear layers as blocks. A module that
is called several times is a block at each call.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.outputs import tensors_in
from naswot.scores.passes import LAYERS

LEAST = 3  # blocks; fewer, such as a backbone and a head, are parts of a network
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def find_blocks(network: nn.Module) -> list[nn.Module]:
    """Return the blocks of `network`, in the order of definition; layers if it is a plain chain."""
    opened = [network]
    while opened:
        found = list(dict.fromkeys(_outermost(opened)))
        if len(found) >= LEAST:
            return found
        opened = found
    return [module for module in network.modules() if isinstance(module, LAYERS)]


def _outermost(opened: list[nn.Module]) -> Iterator[nn.Module]:
    """Yield the modules with children inside `opened`, after opening containers."""
    for module in opened:
        for child in module.children():
            if isinstance(child, CONTAINERS):
                yield from _outermost([child])
            elif next(child.children(), None) is not None:
                yield child


@dataclass
class Block:
    """One call of a block.

    Attributes:
        output: its first output, (B, C, …) or (B, N, C), before later layers change it in place.
        passes_on: whether it returned its input unchanged.
    """

    output: torch.Tensor
    passes_on: bool

    def rows(self, tensor: torch.Tensor | None = None) -> torch.Tensor:
        """Return the output, or a `tensor` of its shape, as rows of channels (rows, C).

        Channels are the second dimension, or the last one of three (tokens).
        """
        tensor = self.output if tensor is None else tensor
        return tensor.flatten(0, 1) if tensor.ndim == 3 else tensor.movedim(1, -1).flatten(0, -2)


@dataclass
class BlockOutputs:
    """While entered, keeps the outputs of a network's blocks in the order of their calls."""

    network: nn.Module
    calls: list[Block] = field(default_factory=list)

    def __enter__(self) -> "BlockOutputs":
        blocks = find_blocks(self.network)
        if not blocks:
            raise NaswotError(
                f"{type(self.network).__name__} has no block, convolution or linear layer that can "
                "be seen (scripted modules hide theirs)."
            )
        self._versions: list[int | None] = []  # of the inputs of the calls that are going on
        self._hooks: list[Any] = []
        for block in blocks:
            self._hooks.append(block.register_forward_pre_hook(self._begin))
            self._hooks.append(block.register_forward_hook(self._keep))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _begin(self, _: nn.Module, inputs: tuple) -> None:
        given = next(tensors_in(inputs), None)
        self._versions.append(None if given is None else given._version)

    def _keep(self, _: nn.Module, inputs: tuple, output: Any) -> Any:
        version = self._versions.pop()
        found = next(tensors_in(output), None)
        if found is None or found.ndim < 2 or not found.is_floating_point():
            return None
        given = next(tensors_in(inputs), None)
        same = (
            given is not None
            and given._version == version  # else it is what the block made of it in place
            and given.shape == found.shape
            and torch.equal(given, found)
        )
        self.calls.append(Block(found, same))
        # Later layers get a copy, which they may change in place.
        return found.clone() if found is output else None
