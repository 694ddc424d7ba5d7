"""Inputs of networks: one tensor, or several in tuples, lists and mappings.

Positional arguments come as a tuple or list of tensors, keyword arguments as a mapping, such as the
batch of a Hugging Face tokenizer. Both may be nested. `naswot.scores.adapter` calls networks so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from naswot.errors import NaswotError
from naswot.scores.outputs import tensors_in


@dataclass(frozen=True, eq=False, repr=False)
class TensorTree:
    """Tensors in containers, all with the mini-batch as their first dimension.

    It can be used like a tensor of shape (B,) whose entries are examples, which are counted,
    chosen, copied and moved together. Only tensors of floating point change their type or require a
    gradient. Other values in the containers, such as flags, are the same for all examples.

    Attributes:
        tree: the containers.
    """

    tree: Any

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "TensorTree":
        """Return a tree with `function` of each tensor."""
        return TensorTree(pytree.tree_map_only(torch.Tensor, function, self.tree))

    def __str__(self) -> str:
        named = []
        for path, value in pytree.tree_leaves_with_path(self.tree):
            name = ".".join(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)
            if isinstance(value, torch.Tensor):
                kind = str(value.dtype).removeprefix("torch.")
                value = f"{kind} {tuple(value.shape)}"
            named.append(f"{name}: {value}")
        return ", ".join(named)

    def __len__(self) -> int:
        return len(self._first)

    def __getitem__(self, part: Any) -> "TensorTree":
        return self.map(lambda tensor: tensor[part])

    @property
    def _first(self) -> torch.Tensor:
        return next(tensors_in(self.tree))

    @property
    def shape(self) -> torch.Size:
        """(B,)."""
        return self._first.shape[:1]

    @property
    def ndim(self) -> int:
        """1, the mini-batch."""
        return 1

    @property
    def device(self) -> torch.device:
        """The device of the first tensor."""
        return self._first.device

    @property
    def is_cuda(self) -> bool:
        """Whether the first tensor is on a GPU."""
        return self._first.is_cuda

    @property
    def dtype(self) -> torch.dtype:
        """The widest type of the tensors of floating point; float32 if there is none."""
        types = [tensor.dtype for tensor in float_tensors(self)]
        return reduce(torch.promote_types, types) if types else torch.float32

    def to(self, *where: Any, copy: bool = False) -> "TensorTree":
        """Return the tensors on a device, in a type, or both; the type is for floating point."""

        def moved(tensor: torch.Tensor) -> torch.Tensor:
            kept = [x for x in where if tensor.is_floating_point() or type(x) is not torch.dtype]
            found = tensor.to(*kept) if kept else tensor
            return found.clone() if copy and found is tensor else found

        return self.map(moved)

    def double(self) -> "TensorTree":
        """Return the tensors of floating point in float64."""
        return self.to(torch.float64)

    def clone(self) -> "TensorTree":
        """Return copies."""
        return self.map(torch.clone)

    def is_contiguous(self) -> bool:
        """Return whether all tensors are contiguous."""
        return all(tensor.is_contiguous() for tensor in tensors_in(self))

    def contiguous(self) -> "TensorTree":
        """Return contiguous tensors."""
        return self.map(torch.Tensor.contiguous)

    def detach(self) -> "TensorTree":
        """Return the tensors without their graphs."""
        return self.map(torch.detach)

    def requires_grad_(self, requires_grad: bool = True) -> "TensorTree":
        """Let the tensors of floating point require a gradient, or not; returns the tree."""
        for tensor in float_tensors(self):
            tensor.requires_grad_(requires_grad)
        return self

    def split(self, size: int) -> "list[TensorTree]":
        """Return parts of `size` examples; the last may be smaller."""
        return [self[start : start + size] for start in range(0, len(self), size)]


Inputs = torch.Tensor | TensorTree


def float_tensors(inputs: Inputs) -> list[torch.Tensor]:
    """Return the tensors of floating point in `inputs`."""
    return [tensor for tensor in tensors_in(inputs) if tensor.is_floating_point()]


def on_floats(function: Callable[[torch.Tensor], torch.Tensor], inputs: Inputs) -> Inputs:
    """Return `inputs` with `function` of each tensor of floating point; others stay as they are."""
    if isinstance(inputs, torch.Tensor):
        return function(inputs)
    return inputs.map(lambda tensor: function(tensor) if tensor.is_floating_point() else tensor)


def as_tensors(value: Any, what: str) -> Inputs | None:
    """Return a tensor, or containers with tensors; NumPy arrays become tensors.

    Args:
        value: anything.
        what: what the tensors are, in messages.

    Returns:
        None if there is no tensor or array in `value`.

    Raises:
        NaswotError: the tensors differ in their first dimension, or one has none.
    """
    leaves, form = pytree.tree_flatten(_with_dicts(value))
    leaves = [
        torch.from_numpy(leaf)
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiub"
        else leaf
        for leaf in leaves
    ]
    if isinstance(value, torch.Tensor | np.ndarray):
        return leaves[0] if isinstance(leaves[0], torch.Tensor) else None
    sizes = {leaf.shape[:1] for leaf in leaves if isinstance(leaf, torch.Tensor)}
    if not sizes:
        return None
    found = TensorTree(pytree.tree_unflatten(leaves, form))
    if len(sizes) > 1 or not all(sizes):
        raise NaswotError(
            f"The {what} have different numbers of examples ({found}); the first dimension of all "
            "tensors has to be the mini-batch."
        )
    return found


def _with_dicts(value: Any) -> Any:
    """Return `value` with dicts for mappings of other classes, such as a tokenizer's batch."""
    if isinstance(value, Mapping):
        value = dict(value)
    return pytree.tree_map(
        lambda part: _with_dicts(part) if isinstance(part, Mapping) else part, value
    )


def as_images(images: Any) -> Inputs:
    """Return a mini-batch of inputs as tensors; a single tensor of integers as a tree.

    Raises:
        NaswotError: there is no tensor, or its type or shape does not suit.
    """
    found = as_tensors(images, "images")
    if found is None:
        raise NaswotError(
            f"The images are a {type(images).__name__} without tensors; a mini-batch is one tensor "
            "or NumPy array (B, …), a tuple or list of several, or a mapping from names of "
            "arguments to them. (From a DataLoader, take the first batch: "
            "images, labels = next(iter(loader)).)"
        )
    if isinstance(found, TensorTree):
        return found
    if found.dtype in (torch.int32, torch.int64) and found.ndim:
        return TensorTree((found,))
    if not found.is_floating_point() or found.ndim < 2:
        raise NaswotError(
            f"The images are {found.dtype} of shape {tuple(found.shape)}; they have to be "
            "floating point, (B, …), and normalised, or int64 for tokens."
        )
    return found
