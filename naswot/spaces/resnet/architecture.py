"""What an architecture of the space `resnet` says: `parse` reads it."""

from dataclasses import dataclass

from naswot.spaces.grammar import EARLY_HALVINGS, Grammar, Part

STEMS = (16, 32, 64)
KERNELS = (3, 5)
DEPTHS = ((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4, 6), (1, 2, 3, 4))
WIDTHS = (
    (16, 32, 48, 64, 96, 128),
    (32, 64, 96, 128, 192, 256),
    (64, 96, 128, 192, 256, 384),
    (96, 128, 192, 256, 384, 512),
)
STRIDES = (1, 2, 2, 2)

# Kind of block → channels outside / inside a bottleneck, and channels per group; 0: no groups.
BASIC = "b"
BOTTLENECKS = {
    "n1": (1, 0),
    "n2": (2, 0),
    "n4": (4, 0),
    "n1g8": (1, 8),
    "n2g8": (2, 8),
    "n4g8": (4, 8),
}


@dataclass(frozen=True)
class Stage:
    """`depth` blocks, the first with `stride`.

    Attributes:
        width: channels of the k × k convolutions.
        kernel: the side k of their windows.
        block: `BASIC`, or one of `BOTTLENECKS`.
    """

    depth: int
    width: int
    kernel: int
    block: str
    stride: int

    @property
    def channels(self) -> int:
        """The channels of the output of a block."""
        return self.width * BOTTLENECKS.get(self.block, (1, 0))[0]

    @property
    def groups(self) -> int:
        """The groups of the k × k convolutions."""
        group_width = BOTTLENECKS.get(self.block, (1, 0))[1]
        return self.width // group_width if group_width else 1


@dataclass(frozen=True)
class Architecture:
    """A network, with the halvings of the resolution by its stem and the stem's channels."""

    halvings: int
    stem: int
    stages: tuple[Stage, ...]


GRAMMAR = Grammar(
    "resnet",
    (
        (Part("h", "halvings", EARLY_HALVINGS), Part("s", "stem", STEMS)),
        *(
            (
                Part("d", f"depth_{number}", depths),
                Part("w", f"width_{number}", widths),
                Part("k", f"kernel_{number}", KERNELS),
                Part("", f"block_{number}", (BASIC, *BOTTLENECKS)),
            )
            for number, (depths, widths) in enumerate(zip(DEPTHS, WIDTHS, strict=True), 1)
        ),
    ),
)


def parse(arch: str) -> Architecture:
    """Return the network that `arch` describes.

    Raises:
        NaswotError: `arch` is malformed; the message names the wrong part.
    """
    chosen = GRAMMAR.parse(arch)
    stages = []
    for number, stride in enumerate(STRIDES, 1):
        stages.append(
            Stage(
                depth=chosen[f"depth_{number}"],
                width=chosen[f"width_{number}"],
                kernel=chosen[f"kernel_{number}"],
                block=chosen[f"block_{number}"],
                stride=stride,
            )
        )
    return Architecture(chosen["halvings"], chosen["stem"], tuple(stages))
