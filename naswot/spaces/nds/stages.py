"""Parse the ResNet, ResNeXt and Vanilla networks of NDS, given as keyword arguments of an AnyNet.

They are JSON. Lists have one entry per stage; ``bms`` (bottleneck width / width) and ``gws``
(channels per group) are only for bottlenecks and are empty otherwise::

    {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": null, "ss": [1, 2, 2],
     "block_type": "res_bottleneck_block", "ds": [16, 1, 4], "ws": [64, 128, 16],
     "bms": [0.25, 0.25, 0.25], "gws": [8, 32, 2]}
"""

from dataclasses import dataclass
from typing import Any

from naswot.spaces.nds.checks import FaultError, choice, fields, integer, listed, number, wrong

STEM = "res_stem_cifar"
BOTTLENECK = "res_bottleneck_block"
BLOCKS = {
    "nds_resnet": "res_basic_block",
    "nds_resnext-a": BOTTLENECK,
    "nds_resnext-b": BOTTLENECK,
    "nds_vanilla": "vanilla_block",
}
STAGE_TITLES = {
    "nds_resnet": "ResNet",
    "nds_resnext-a": "ResNeXt-A",
    "nds_resnext-b": "ResNeXt-B",
    "nds_vanilla": "Vanilla",
}


@dataclass(frozen=True)
class Stage:
    """`depth` blocks with `width` channels, the first with `stride`."""

    depth: int
    width: int
    stride: int
    multiplier: float = 0.0  # bottleneck width / width
    group_width: int = 0  # channels per group of a bottleneck's 3×3 convolution

    @property
    def bottleneck(self) -> int:
        """Channels inside a bottleneck block; 0 for other blocks."""
        return round(self.width * self.multiplier)


@dataclass(frozen=True)
class AnyNetwork:
    """A stem with `stem_width` channels and stages of one kind of block."""

    stem_width: int
    block: str
    stages: tuple[Stage, ...]

    def belongs(self, space: str) -> bool:
        """Whether it can belong to `space`, by its block; both ResNeXt spaces have the same one."""
        return BLOCKS.get(space) == self.block

    def described(self) -> dict:
        """Return the JSON object that describes it."""
        inside = self.stages if self.block == BOTTLENECK else ()
        return {
            "stem_type": STEM,
            "stem_w": self.stem_width,
            "se_r": None,
            "ss": [stage.stride for stage in self.stages],
            "block_type": self.block,
            "ds": [stage.depth for stage in self.stages],
            "ws": [stage.width for stage in self.stages],
            "bms": [stage.multiplier for stage in inside],
            "gws": [stage.group_width for stage in inside],
        }


def any_network(described: dict) -> AnyNetwork:
    """Return the network of a parsed JSON object.

    Raises:
        FaultError: it is malformed; the message names the wrong part.
    """
    names = ("stem_type", "stem_w", "se_r", "ss", "block_type", "ds", "ws", "bms", "gws")
    stem, stem_width, se_r, strides, block, depths, widths, multipliers, group_widths = fields(
        described, "it", names
    )
    choice(stem, "stem_type", (STEM,))
    choice(block, "block_type", sorted(set(BLOCKS.values())))
    if se_r is not None:
        wrong(se_r, "se_r", "null, for NDS has no squeeze-and-excitation")
    if not listed(depths, "ds"):
        wrong(depths, "ds", "a list with one entry per stage")
    inside = len(depths) if block == BOTTLENECK else 0
    lengths = {"ws": len(depths), "ss": len(depths), "bms": inside, "gws": inside}
    for name, length in lengths.items():
        listed(described[name], name, length)
    stages = []
    for i, depth in enumerate(depths):
        bottleneck = {}
        if inside:
            inner = bottleneck_width(widths[i], multipliers[i], f"[{i}]")
            if inner % integer(group_widths[i], f"gws[{i}]"):
                raise FaultError(f"gws[{i}] is {group_widths[i]} and does not divide {inner}")
            bottleneck = {"multiplier": float(multipliers[i]), "group_width": group_widths[i]}
        stages.append(
            Stage(
                integer(depth, f"ds[{i}]"),
                integer(widths[i], f"ws[{i}]"),
                integer(strides[i], f"ss[{i}]", 1, 2),
                **bottleneck,
            )
        )
    return AnyNetwork(integer(stem_width, "stem_w"), block, tuple(stages))


def bottleneck_width(width: Any, multiplier: Any, entry: str) -> int:
    """Return the channels inside a bottleneck block; `entry` names the list entry in messages.

    Raises:
        FaultError: `width` or `multiplier` is not a valid number, or no channel would be left.
    """
    inner = round(integer(width, f"ws{entry}") * number(multiplier, f"bms{entry}", 0, 4))
    return inner or wrong(multiplier, f"bms{entry}", f"enough to leave a channel of {width}")
