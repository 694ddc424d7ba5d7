"""What an architecture of the mobile spaces says: `parse` reads it."""

from dataclasses import dataclass

from naswot.spaces.grammar import EARLY_HALVINGS, Grammar, Part

ACTIVATIONS = {"mobile": "relu", "mobile_hswish": "hswish"}

STEMS = (8, 16, 24, 32)
HEADS = (320, 640, 960, 1280)
KERNELS = (3, 5, 7)
EXPANSIONS = (2, 3, 4, 6)
DEPTHS = (1, 2, 3, 4)
# The third of each stage is the width of MobileNetV3-Large.
WIDTHS = (
    (8, 16, 24, 32),
    (16, 32, 40, 48),
    (40, 64, 80, 96),
    (56, 80, 112, 136),
    (80, 120, 160, 200),
)
# Halvings of the resolution by the stages; the first halves it only if there are two early ones.
STRIDES = (1, 2, 2, 1, 2)


@dataclass(frozen=True)
class Stage:
    """`depth` blocks with `width` channels, the first with `stride`."""

    kernel: int
    expansion: int
    depth: int
    width: int
    squeezes: bool
    stride: int


@dataclass(frozen=True)
class Architecture:
    """A network; `activation` is relu or hswish, `head` the channels of the last convolution."""

    activation: str
    halvings: int
    stem: int
    stages: tuple[Stage, ...]
    head: int

    @property
    def stem_stride(self) -> int:
        """The stride of the stem."""
        return 2 if self.halvings else 1


def _grammar(name: str) -> Grammar:
    stages = tuple(
        (
            Part("k", f"kernel_{number}", KERNELS),
            Part("e", f"expansion_{number}", EXPANSIONS),
            Part("d", f"depth_{number}", DEPTHS),
            Part("w", f"width_{number}", widths),
            Part("r", f"squeeze_{number}", (0, 1)),
        )
        for number, widths in enumerate(WIDTHS, 1)
    )
    first = (Part("h", "halvings", EARLY_HALVINGS), Part("s", "stem", STEMS))
    return Grammar(name, (first, *stages, (Part("f", "head", HEADS),)))


GRAMMARS = {name: _grammar(name) for name in ACTIVATIONS}


def parse(arch: str) -> Architecture:
    """Return the network that `arch`, of either space, describes.

    Raises:
        NaswotError: `arch` is malformed; the message names the wrong part.
    """
    name = arch.partition("-")[0]
    name = name if name in GRAMMARS else "mobile"
    chosen = GRAMMARS[name].parse(arch)
    stages = []
    for number, stride in enumerate(STRIDES, 1):
        early = number == 1 and chosen["halvings"] == 2
        stages.append(
            Stage(
                kernel=chosen[f"kernel_{number}"],
                expansion=chosen[f"expansion_{number}"],
                depth=chosen[f"depth_{number}"],
                width=chosen[f"width_{number}"],
                squeezes=chosen[f"squeeze_{number}"] == 1,
                stride=2 if early else stride,
            )
        )
    return Architecture(
        ACTIVATIONS[name], chosen["halvings"], chosen["stem"], tuple(stages), chosen["head"]
    )
