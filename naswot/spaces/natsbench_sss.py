"""The size space of NATS-Bench: one fixed cell, 32,768 choices of channels.

An architecture is five numbers of channels, each from 8 to 64 in steps of 8, written
``64:24:56:48:24``: those of the stem and the first cell, the first residual block, the second
cell, the second residual block and the third cell. Source: Dong et al., "NATS-Bench: Benchmarking
NAS Algorithms for Architecture Topology and Size", TPAMI 2021.
"""

import functools
import itertools
import math
from typing import TYPE_CHECKING

from naswot.errors import NaswotError, shown
from naswot.spaces.nasbench201.cells import parse as parse_cell
from naswot.spaces.space import Later, Space

if TYPE_CHECKING:
    from naswot.scores.plan import Plan
    from naswot.spaces.nasbench201.network import Network

CHOICES = tuple(range(8, 65, 8))
CELL = parse_cell(
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
SIZE = len(CHOICES) ** 5


@functools.cache
def architectures() -> tuple[str, ...]:
    """Return all 32,768 channel strings in the benchmark's official index order."""
    return tuple(":".join(map(str, channels)) for channels in itertools.product(CHOICES, repeat=5))


def parse(arch: str) -> tuple[int, ...]:
    """Return the five numbers of channels of `arch`.

    Raises:
        NaswotError: `arch` is not in the space; the message names the wrong part.
    """
    parts = arch.split(":")
    form = f"{shown(arch)} is not a NATS-Bench size architecture of the form 64:24:56:48:24"
    if len(parts) != 5:
        raise NaswotError(f"{form}: it has {len(parts)} number(s) joined by ':' instead of 5.")
    allowed = {str(choice): choice for choice in CHOICES}
    for part in parts:
        if part not in allowed:
            raise NaswotError(f"{form}: {shown(part)} is not one of {', '.join(allowed)}.")
    return tuple(allowed[part] for part in parts)


def genes(arch: str) -> tuple[int, ...]:
    """Return the five numbers of channels of `arch` as positions in `CHOICES`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    return tuple(map(CHOICES.index, parse(arch)))


def encode(arch: str) -> dict[str, float]:
    """Return numbers that describe `arch`: the logarithms of its five numbers of channels.

    Raises:
        NaswotError: `arch` is malformed.
    """
    return {f"log_c{k}": math.log(channels) for k, channels in enumerate(parse(arch), 1)}


def canonical(arch: str) -> str:
    """Return `arch` itself after checking it: the space has no isomorphic architectures.

    Raises:
        NaswotError: `arch` is malformed.
    """
    parse(arch)
    return arch


def build(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of channel string `arch` with `classes` outputs.

    Raises:
        NaswotError: `arch` is malformed.
    """
    from naswot.spaces.nasbench201.network import size_network

    return size_network(CELL, parse(arch), classes)


def plan(arch: str, classes: int = 1) -> "Plan":
    """Return the plan of the network that `build` builds."""
    from naswot.spaces.nasbench201.plan import size_plan

    return size_plan(CELL, parse(arch), classes)


def benchmark_params(arch: str) -> int:
    """Return the number of trainable parameters of the 10-class network of `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    c1, c2, c3, c4, c5 = parse(arch)

    def convolution(c_in: int, c_out: int, kernel: int = 3) -> int:
        return kernel * kernel * c_in * c_out + 2 * c_out  # with its batch normalisation

    def cell(c_in: int, c_out: int) -> int:
        inner = 2 * convolution(c_in, c_out) + 3 * convolution(c_out, c_out)
        return inner + (c_in != c_out) * convolution(c_in, c_out, kernel=1)

    def reduction(c_in: int, c_out: int) -> int:
        return convolution(c_in, c_out) + convolution(c_out, c_out) + c_in * c_out

    body = cell(c1, c1) + reduction(c1, c2) + cell(c2, c3) + reduction(c3, c4) + cell(c4, c5)
    return convolution(3, c1) + body + 2 * c5 + 10 * (c5 + 1)


SPACE = Space(
    name="natsbench_sss",
    title="NATS-Bench SSS",
    size=SIZE,
    unique=None,
    architectures=architectures,
    canonical=canonical,
    build=build,
    plan=plan,
    benchmark_params=benchmark_params,
    diagram=Later("naswot.spaces.nasbench201.diagram:size_diagram"),
    genes=genes,
    encode=encode,
    relative_cost=1.0,
    form="64:24:56:48:24",
    recognises=lambda text: ":" in text and "~" not in text and text[0] not in "|{",
)
