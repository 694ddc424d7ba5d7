"""What varies of a user's network: groups of widths and runs of blocks, found once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import lcm

from torch import nn
from torch.nn.modules.conv import _ConvNd

from naswot.scores.copying import copy_network
from naswot.spaces.derived.analysis import Trace, trace
from naswot.spaces.derived.blocks import Run, runs_of
from naswot.spaces.derived.probe import FEWEST
from naswot.spaces.derived.sizes import Scales

WIDE = (_ConvNd, nn.Linear, nn.Embedding, nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase)
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
STEP = 8  # widths are multiples of it, which suits processors


@dataclass(frozen=True)
class Group:
    """Channels that have to be scaled together.

    Attributes:
        name: of the choice, by the first layer that makes such channels.
        factor: number of the scale factor.
        width: of that layer, in the original network.
        options: widths to choose from.
        layers: names of the layers that make such channels.
        run: number of the run in whose blocks all these layers are; None if some are elsewhere.
        block: the first block of the run that has them.
    """

    name: str
    factor: int
    width: int
    options: tuple[int, ...]
    layers: tuple[str, ...]
    run: int | None
    block: int


@dataclass(frozen=True)
class Structure:
    """What varies of a network, and how its parameters and operations depend on it.

    Attributes:
        trace: how sizes depend on scale factors.
        groups: the groups of widths.
        runs: the runs of blocks.
        fixed: name of a layer → why its width does not vary.
    """

    trace: Trace
    groups: tuple[Group, ...]
    runs: tuple[Run, ...]
    fixed: Mapping[str, str]


def structure_of(
    network: nn.Module, shape: tuple[int, ...], scales: Scales, refused: Collection[str] = ()
) -> Structure:
    """Return what varies of a network for images of a shape (C, H, W).

    Args:
        network: it is not changed.
        shape: of an image.
        scales: what is known of the scale factors; more is added.
        refused: names of runs that do not vary.

    Raises:
        NaswotError: it fails on them, or cannot be copied.
    """
    network = copy_network(network).to("meta")
    found = trace(network, shape, scales)
    runs = tuple(run for run in runs_of(network, found) if run.name not in refused)
    groups = []
    for factor, members in scales.members().items():
        makers = [number for number in members if scales.makes[number]]
        if not makers:
            continue
        width = scales.widths[makers[0]]
        options = widths(width, scales.divisor(members, width))
        layers = tuple(scales.names[number] for number in makers)
        if len(options) > 1:
            run, block = _place(layers, runs)
            name = f"width {layers[0]}"
            groups.append(Group(name, factor, width, options, layers, run, block))
        else:
            scales.fix([factor], "no other multiple of its divisor is near")
    fixed = {
        scales.names[number]: why
        for number in range(len(scales.names))
        if scales.makes[number] and (why := scales.reason(number))
    }
    varying = {layer for group in groups for layer in group.layers}
    for name, module in network.named_modules():
        if isinstance(module, WIDE) and name not in varying and name not in fixed:
            sizes = found.tensors.get(f"{name}.weight" if name else "weight")
            if (name, "out_channels") in found.attributes and sizes is None:
                continue  # its weights are computed, and follow
            if sizes is None:
                fixed[name] = f"{type(module).__name__} sets its own sizes, or does not run"
            elif not any(size.parts for size in sizes):
                fixed[name] = f"it is narrower than {FEWEST}"
    return Structure(found, tuple(groups), runs, fixed)


def widths(width: int, divisor: int) -> tuple[int, ...]:
    """Return the widths to choose from for a layer of `width`: multiples of `divisor`."""
    step = lcm(divisor, STEP)
    if step > width:
        step = divisor
    near = {max(step, round(width * ratio / step) * step) for ratio in RATIOS}
    return tuple(sorted(near | {width}))


def _place(layers: tuple[str, ...], runs: tuple[Run, ...]) -> tuple[int | None, int]:
    for number, run in enumerate(runs):
        places = [
            next(
                (n for n, block in enumerate(run.blocks) if f"{layer}.".startswith(f"{block}.")),
                None,
            )
            for layer in layers
        ]
        held = [place for place in places if place is not None]
        if len(held) == len(layers):
            return number, min(held)
    return None, 0
