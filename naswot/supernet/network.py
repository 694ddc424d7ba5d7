"""A network that shares its weights over all architectures of a space of cells.

Each cell holds every operation on every edge. `Supernet.forward` runs all of them and adds what
they give, weighted; `Supernet.path` runs one operation an edge. Batch normalisation on edges has no
weights of its own, so that operations compare (Liu et al., DARTS, ICLR 2019; Dong & Yang,
NAS-Bench-201, ICLR 2020).

Edges that leave a node share work: an operation without weights runs once for all of them, and
their convolutions of one size run as one convolution with more output channels. Both give what
edge by edge gives, for batch normalisation works channel by channel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from naswot.spaces.nasbench201.network import ReLUConvBN
from naswot.supernet.cells import CellSpace, Make

Edges = list[tuple[int, int]]  # position of an edge, and its target
Term = tuple[int, torch.Tensor]  # a node, and what is added to it


@dataclass
class _Choice:
    """What the cells of one network compute: a mixture, or a path with or without gates."""

    weights: torch.Tensor | None = None
    genes: Sequence[int] = ()
    gates: torch.Tensor | None = None


class Supernet(nn.Module):
    """All networks of a space in one.

    Args:
        space: the space.
        classes: number of outputs.
        running_statistics: whether batch normalisation on edges keeps running means and variances,
            which it then uses in eval mode; else it uses those of the batch. Outside of cells it
            keeps them always.
    """

    def __init__(self, space: CellSpace, classes: int, running_statistics: bool):
        super().__init__()
        self.space = space
        self._choice = _Choice()
        self.body = space.network(
            lambda channels: _Cell(space, channels, running_statistics, self._choice), classes
        )

    def forward(self, images: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) of the mixture.

        Args:
            images: (B, 3, H, W).
            weights: (edges, operations), of each operation on each edge.
        """
        return self._run(images, _Choice(weights=weights))

    def path(
        self, images: torch.Tensor, genes: Sequence[int], gates: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits (B, classes) of one architecture.

        Args:
            images: (B, 3, H, W).
            genes: position of the operation of each edge.
            gates: (edges, operations). Each operation is multiplied by its gate, and the gates of
                the other operations of its edge are added to it as numbers (see
                `naswot.supernet.gdas`). None: neither.
        """
        return self._run(images, _Choice(genes=genes, gates=gates))

    def _run(self, images: torch.Tensor, choice: _Choice) -> torch.Tensor:
        vars(self._choice).update(vars(choice))
        try:
            return self.body(images)
        finally:
            vars(self._choice).update(vars(_Choice()))


class _Cell(nn.Module):
    """All operations of a cell: (B, C, H, W) → (B, C, H, W)."""

    def __init__(self, space: CellSpace, channels: int, running_statistics: bool, choice: _Choice):
        super().__init__()
        self.choice = choice
        self.leaving: list[Edges] = [
            [(edge, target) for edge, (source, target) in enumerate(space.edges) if source == node]
            for node in range(space.nodes - 1)
        ]
        self.operations = nn.ModuleList(
            nn.ModuleDict(
                {
                    str(gene): _together(make, channels, len(edges), running_statistics)
                    for gene, make in enumerate(space.operations.values())
                    if make is not None
                }
            )
            for edges in self.leaving
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nodes: list[torch.Tensor | None] = [x] + [None] * len(self.leaving)
        run = self._path if self.choice.weights is None else self._mixture
        for node, edges in enumerate(self.leaving):
            value = nodes[node]
            if value is None:
                value = torch.zeros_like(x)
            for target, found in run(node, edges, value):
                known = nodes[target]
                nodes[target] = found if known is None else known + found
        return torch.zeros_like(x) if nodes[-1] is None else nodes[-1]

    def _mixture(self, node: int, edges: Edges, value: torch.Tensor) -> Iterator[Term]:
        rows = [edge for edge, _ in edges]
        for gene, operation in self.operations[node].items():  # type: ignore[operator]
            found = operation.weighted(value, self.choice.weights[rows, int(gene)])  # type: ignore[index]
            yield from zip((target for _, target in edges), found, strict=True)

    def _path(self, node: int, edges: Edges, value: torch.Tensor) -> Iterator[Term]:
        gates, operations = self.choice.gates, dict(self.operations[node].items())  # type: ignore[operator]
        for place, (edge, target) in enumerate(edges):
            gene = self.choice.genes[edge]
            operation = operations.get(str(gene))
            found = None if operation is None else operation.one(value, place)
            if gates is not None:
                gate = gates[edge, gene]
                others = gates[edge].sum() - gate
                found = others + (torch.zeros_like(value) if found is None else gate * found)
            if found is not None:
                yield target, found


def _together(make: Make, channels: int, edges: int, running_statistics: bool) -> nn.Module:
    """Return one operation on all edges that leave a node, in the form that needs least work."""
    first = _plain(make(channels), running_statistics)
    if type(first) is ReLUConvBN:  # a class made from it may compute something else
        return _Convolutions(channels, first.kernel, edges, running_statistics)
    if not [*first.parameters(), *first.buffers()]:
        return _Once(first)
    others = (_plain(make(channels), running_statistics) for _ in range(edges - 1))
    return _Each([first, *others])


def _plain(module: nn.Module, running_statistics: bool) -> nn.Module:
    """Return the module with batch normalisation that has no weights."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            about = {"eps": child.eps, "momentum": child.momentum, "affine": False}
            about |= {"track_running_stats": running_statistics}
            setattr(module, name, nn.BatchNorm2d(child.num_features, **about))  # type: ignore[arg-type]
        else:
            _plain(child, running_statistics)
    return module


class _Once(nn.Module):
    """An operation without weights: all edges have the same value."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def weighted(self, x: torch.Tensor, weights: torch.Tensor) -> list[torch.Tensor]:
        value = self.module(x)
        return [weight * value for weight in weights]

    def one(self, x: torch.Tensor, place: int) -> torch.Tensor:
        return self.module(x)


class _Each(nn.Module):
    """An operation with weights of its own on each edge."""

    def __init__(self, modules: Sequence[nn.Module]):
        super().__init__()
        self.each = nn.ModuleList(modules)

    def weighted(self, x: torch.Tensor, weights: torch.Tensor) -> list[torch.Tensor]:
        return [weight * module(x) for weight, module in zip(weights, self.each, strict=True)]

    def one(self, x: torch.Tensor, place: int) -> torch.Tensor:
        return self.each[place](x)


class _Convolutions(nn.Module):
    """ReLU, convolution and batch normalisation on several edges, as one convolution.

    A mixture multiplies in batch normalisation, whose scale is the weight of the edge.
    """

    channels: int
    edges: int

    def __init__(self, channels: int, kernel: int, edges: int, running_statistics: bool):
        super().__init__()
        self.channels, self.edges, count = channels, edges, edges * channels
        self.conv = nn.Conv2d(channels, count, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(count, affine=False, track_running_stats=running_statistics)

    def weighted(self, x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        scale = weights.repeat_interleave(self.channels)
        return self._run(x, slice(None), scale).chunk(self.edges, 1)

    def one(self, x: torch.Tensor, place: int) -> torch.Tensor:
        return self._run(x, slice(place * self.channels, (place + 1) * self.channels), None)

    def _run(self, x: torch.Tensor, part: slice, scale: torch.Tensor | None) -> torch.Tensor:
        found = functional.conv2d(
            functional.relu(x), self.conv.weight[part], padding=self.conv.padding
        )
        norm = self.norm
        mean, variance = norm.running_mean, norm.running_var
        if mean is not None and variance is not None:
            mean, variance = mean[part], variance[part]
        return functional.batch_norm(
            found,
            mean,
            variance,
            weight=scale,
            training=norm.training or mean is None,
        )
