"""Draw initial weights as a network drew its own, in other shapes.

What a network's constructor does to its weights cannot be repeated for another shape. It can be
measured, however: which parameters are constants, and which variance the others have. The variance
of a layer's weights depends on its fan-in, on its fan-out, on both or on neither, and which of them
it is shows where a network has several layers of a kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

FANS = ("in", "out", "both", "neither")
LAYERS = (_ConvNd, nn.Linear)
LIKE = 0.2  # relative difference up to which variances are taken for the same
FLAT = 1.8  # largest magnitude over deviation, below which a distribution is uniform (√3)


@dataclass(frozen=True)
class Draw:
    """How a parameter is drawn.

    Attributes:
        mean: its mean.
        gain: its variance times `fan`.
        fan: "in", "out" or "both" (their mean) of the layer's weight; "neither": 1.
        uniform: whether it is uniform; otherwise it is normal.
        kept: the values, for a parameter that is kept where its shape is the original one.
    """

    mean: float
    gain: float = 0.0
    fan: str = "neither"
    uniform: bool = False
    kept: torch.Tensor | None = None

    def fill(self, tensor: torch.Tensor, weight: torch.Size | None, transposed: bool) -> None:
        """Set the values of `tensor`; `weight` is the shape of its layer's weight."""
        with torch.no_grad():
            if self.kept is not None and self.kept.shape == tensor.shape:
                tensor.copy_(self.kept)
                return
            deviation = sqrt(self.gain / _fan(self.fan, weight or tensor.shape, transposed))
            if not deviation:
                tensor.fill_(self.mean)
            elif self.uniform:
                reach = deviation * sqrt(3)
                tensor.uniform_(self.mean - reach, self.mean + reach)
            else:
                tensor.normal_(self.mean, deviation)


def draws_of(network: nn.Module) -> dict[str, Draw]:
    """Return name of a parameter → how it is drawn, by the values that it has."""
    found: dict[str, Draw] = {}
    weights: dict[type, list[tuple[str, Any]]] = {}
    for name, module in network.named_modules():
        for key, parameter in module.named_parameters(name, recurse=False):
            found[key] = _measured(parameter.detach(), module)
        own = getattr(module, "weight", None)
        if isinstance(module, LAYERS) and isinstance(own, nn.Parameter) and _varies(own):
            weights.setdefault(type(module), []).append((name, module))
    for layers in weights.values():
        _share(found, layers)
    return found


def _measured(values: torch.Tensor, module: Any) -> Draw:
    if not _varies(values):
        return Draw(float(values.flatten()[0]) if values.numel() else 0.0)
    mean, variance = float(values.mean()), float(values.var(correction=0))
    uniform = float((values - mean).abs().max()) < FLAT * sqrt(variance)
    if isinstance(module, LAYERS):  # weight or bias
        fan = _fan("in", module.weight.shape, isinstance(module, _ConvTransposeNd))
        return Draw(0.0, variance * fan, "in", uniform)
    kept = None if isinstance(module, nn.Embedding) else values.clone()
    return Draw(mean, variance, "neither", uniform, kept)


def _share(found: dict[str, Draw], layers: Sequence[tuple[str, Any]]) -> None:
    """Choose the fan for layers of a kind: the one with which their gains differ least."""
    sized = [
        (
            f"{name}.weight" if name else "weight",
            module.weight.detach(),
            isinstance(module, _ConvTransposeNd),
        )
        for name, module in layers
    ]
    gains = {
        fan: [float(w.var(correction=0)) * _fan(fan, w.shape, turned) for _, w, turned in sized]
        for fan in FANS
    }
    numbers = [weight.numel() for _, weight, _ in sized]
    fan = min(FANS, key=lambda name: _spread(gains[name], numbers))
    common = _mean(gains[fan], numbers)
    for (name, _, _), gain in zip(sized, gains[fan], strict=True):
        near = abs(gain - common) <= LIKE * common
        found[name] = Draw(0.0, common if near else gain, fan, found[name].uniform)


def _fan(kind: str, shape: Iterable[int], transposed: bool) -> float:
    sizes = list(shape)
    if kind == "neither" or len(sizes) < 2:
        return 1.0
    taps = prod(sizes[2:])
    fans = {"out": sizes[0] * taps, "in": sizes[1] * taps}
    if transposed:
        fans = {"out": fans["in"], "in": fans["out"]}
    return float(fans[kind]) if kind in fans else sum(fans.values()) / 2


def _varies(values: torch.Tensor) -> bool:
    """Return whether the values are drawn, as far as can be seen."""
    return (
        values.is_floating_point()
        and values.numel() > 1
        and bool((values != values.flatten()[0]).any())
    )


def _mean(values: Sequence[float], numbers: Sequence[int]) -> float:
    return sum(x * n for x, n in zip(values, numbers, strict=True)) / sum(numbers)


def _spread(values: Sequence[float], numbers: Sequence[int]) -> float:
    """Return the mean relative distance from the mean; small layers are measured less well."""
    mean = _mean(values, numbers)
    roots = [round(n**0.5) for n in numbers]
    return round(_mean([abs(x / mean - 1) for x in values], roots), 3)
