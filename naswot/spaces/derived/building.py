"""Build a network of a derived space: a copy of the user's, resized, with new weights."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvTransposeNd

from naswot.scores.copying import Copier
from naswot.spaces.derived.initial_weights import draws_of
from naswot.spaces.derived.sizes import Size
from naswot.spaces.derived.structure import Structure

Widths = Mapping[int, tuple[int, int]]  # scale factor → (width, original width)


class Builder:
    """Builds networks of one structure.

    Args:
        network: the user's network, with the weights that its constructor drew. It becomes the
            template of all copies: its parameters are taken away.
        structure: what varies of it; it may be replaced.
    """

    def __init__(self, network: nn.Module, structure: Structure):
        self.structure = structure
        self._draws = draws_of(network)
        parameters = dict(network.named_parameters())
        self._lean(network)
        # Names that a parameter has in several modules, which share it.
        first = {id(x): name for name, x in network.named_parameters()}
        self._tensors: list[tuple[str, str, str, bool]] = []
        for name, module in network.named_modules():
            for key in [*module._parameters, *module._buffers]:
                tensor = getattr(module, key)
                if tensor is not None:
                    own = f"{name}.{key}" if name else key
                    of_all = first.get(id(tensor), own)
                    self._tensors.append((name, key, of_all, key in module._parameters))
        self._shapes = {name: tuple(x.shape) for name, x in parameters.items()}
        self._trained = {name: x.requires_grad for name, x in parameters.items()}
        self._kept = {name: x for name, x in parameters.items() if not x.requires_grad}
        self._copy = Copier(network)

    @staticmethod
    def _lean(network: nn.Module) -> None:
        """Move the parameters of `network` to the meta device; buffers keep their values."""
        moved: dict[int, nn.Parameter] = {}
        for module in network.modules():
            for key, x in module._parameters.items():
                if x is not None:
                    new = moved.setdefault(id(x), nn.Parameter(x.to("meta"), x.requires_grad))
                    moved[id(new)] = new
                    setattr(module, key, new)

    def build(self, widths: Widths, kept: Mapping[str, int]) -> nn.Module:
        """Return a network.

        Args:
            widths: scale factor → (width, original width).
            kept: name of a run → the number of its blocks that stay.
        """
        network = self._copy()
        runs = self.structure.runs
        gone = tuple(x for run in runs for x in run.blocks[kept.get(run.name, len(run.blocks)) :])
        every = dict(network.named_modules())
        modules = {name: module for name, module in every.items() if not within(name, gone)}
        for block in gone:
            _leave_out(every[block.rpartition(".")[0]], every[block])
        for (name, key), size in self.structure.trace.attributes.items():
            if name in modules and _varies(size):
                setattr(modules[name], key, _at(size, widths))
        self._renew(modules, widths)
        return network

    def params(self, widths: Widths, gone: tuple[str, ...]) -> int:
        """Return the number of trainable parameters; `gone` are the blocks that are left out."""
        found, seen = 0, set[str]()
        for name, _, own, is_parameter in self._tensors:
            if is_parameter and own not in seen and not within(name, gone):
                seen.add(own)
                if self._trained[own]:
                    number = 1
                    for size in self._shape(own, widths):
                        number *= size
                    found += number
        return found

    def _shape(self, name: str, widths: Widths) -> tuple[int, ...]:
        sizes = self.structure.trace.tensors.get(name)
        return tuple(s.at(widths) for s in sizes) if sizes else self._shapes[name]

    def _renew(self, modules: Mapping[str, nn.Module], widths: Widths) -> None:
        made: dict[str, nn.Parameter] = {}
        for name, key, own, is_parameter in self._tensors:
            module = modules.get(name)
            if module is None:
                continue
            if not is_parameter:
                self._renew_buffer(module, key, own, widths)
                continue
            if own not in made:
                old: Any = getattr(module, key)
                new = torch.empty(self._shape(own, widths), dtype=old.dtype)
                made[own] = nn.Parameter(new, requires_grad=self._trained[own])
            setattr(module, key, made[own])
        if any(x.is_meta for x in made.values()):
            return
        for name, key, own, is_parameter in self._tensors:
            if is_parameter and own in made and name in modules:
                self._fill(modules[name], key, own, made.pop(own))

    def _fill(self, module: nn.Module, key: str, own: str, tensor: nn.Parameter) -> None:
        kept = self._kept.get(own)
        if kept is not None and kept.shape == tensor.shape:
            with torch.no_grad():
                tensor.copy_(kept)  # nothing trains it, so its values are part of the design
            return
        weight = getattr(module, "weight", None)
        shape = weight.shape if isinstance(weight, torch.Tensor) else None
        self._draws[own].fill(tensor, shape, isinstance(module, _ConvTransposeNd))

    def _renew_buffer(self, module: nn.Module, key: str, own: str, widths: Widths) -> None:
        old: Any = module._buffers[key]
        if isinstance(module, _NormBase):
            sizes = self.structure.trace.tensors.get(own)
            shape = tuple(s.at(widths) for s in sizes) if sizes else tuple(old.shape)
            new = torch.ones if key == "running_var" else torch.zeros
            module._buffers[key] = new(shape, dtype=old.dtype)
        else:
            module._buffers[key] = old.to(torch.get_default_device())


def _leave_out(sequence: Any, block: nn.Module) -> None:
    keys = list(sequence._modules)
    place = next(n for n, module in enumerate(sequence._modules.values()) if module is block)
    if all(key.isdigit() for key in keys):
        del sequence[place]  # counts the others anew, so that indices fit
    else:
        del sequence._modules[keys[place]]


def _varies(size: Any) -> bool:
    return any(s.parts for s in size) if isinstance(size, tuple) else bool(size.parts)


def _at(size: Size | tuple[Size, ...], widths: Widths) -> Any:
    return tuple(s.at(widths) for s in size) if isinstance(size, tuple) else size.at(widths)


def within(name: str, blocks: Iterable[str]) -> bool:
    """Return whether a module is one of `blocks` or inside."""
    return any(f"{name}.".startswith(f"{block}.") for block in blocks)
