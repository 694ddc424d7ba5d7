"""Make diagrams of torchvision's classifiers: their blocks in the order in which they run.

A block is a module below the containers `nn.Sequential` and `nn.ModuleList` and below stages of
equal blocks, such as a ``Bottleneck``; what it consists of is not drawn. Sizes are those of its
output for one image.
"""

from typing import Any

from naswot.spaces.graph import Block, Diagram, stacked
from naswot.spaces.zoo import build
from naswot.spaces.zoo.published import network_named


def diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of network `arch`.

    Raises:
        NaswotError: there is no such network.
        SpaceError: torchvision is not installed, or cannot be imported.
    """
    import torch

    side = network_named(arch).side
    try:
        with torch.device("meta"):
            network: Any = build(arch)
    except NotImplementedError:  # it computes its widths with tensors, as RegNet does
        network = build(arch).to("meta")
    outputs: list[Block] = []
    for module in _blocks(network):
        module.register_forward_hook(lambda *call: outputs.append(_block(call[0], call[-1].shape)))
    with torch.no_grad():
        network.eval()(torch.empty(1, 3, side, side, device="meta"))
    note = (
        f"sizes are those for images of {side}×{side} pixels; normalisations, ReLUs and what joins "
        "blocks are not drawn"
    )
    title = f"{title}: {arch}"
    return Diagram(title, arch, (), stacked(outputs), frozenset({"skeleton"}), note)


def _blocks(module: Any) -> list[Any]:
    """Return the modules below a network and its containers that are drawn."""
    from torch import nn

    left_out = (nn.Dropout, nn.Identity, nn.Flatten, nn.ReLU, nn.BatchNorm2d, nn.LayerNorm)
    found = []
    for child in module.children():
        stage = isinstance(child, nn.Sequential) and len({*map(type, child)}) == 1
        if stage or type(child) in (nn.Sequential, nn.ModuleList):
            found += _blocks(child)
        elif not isinstance(child, left_out):
            found.append(child)
    return found


def _block(module: Any, shape: tuple[int, ...]) -> Block:
    label = type(module).__name__.strip("_")
    if len(shape) != 4:  # tokens (1, N, C), or classes (1, C)
        return Block(label, "cell" if len(shape) == 3 else "head", shape[-1], None)
    _, first, middle, last = shape
    # Images are square; those of Swin have the channels last.
    channels, size = (last, first) if first == middle != last else (first, last)
    return Block(label, "head" if size == 1 else "cell", channels, None if size == 1 else size)
