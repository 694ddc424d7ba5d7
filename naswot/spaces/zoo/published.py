"""What torchvision publishes about its classifiers: `networks.csv`, made by `tools/zoo_table.py`.

The file has one row per network, in alphabetical order. The numbers are those of the weights'
metadata in torchvision 0.28.0 (BSD-3-Clause, https://pypi.org/project/torchvision/0.28.0/,
`torchvision/models/`).
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from naswot.errors import NaswotError, shown

FILE = Path(__file__).with_name("networks.csv")
SOURCE = "metadata of the weights in torchvision 0.28.0 (PyPI)"
LICENCE = "BSD-3-Clause"
# Space → the most 10⁹ multiply-adds of its networks, None: any; and how many networks these are.
LIMITS: Mapping[str, tuple[float | None, int]] = {
    "torchvision": (None, 80),
    "torchvision_5g": (5.0, 38),
    "torchvision_2g": (2.0, 26),
}


@dataclass(frozen=True)
class Network:
    """What torchvision publishes about one network.

    Attributes:
        name: of its builder in `torchvision.models`.
        params: parameters; 1,000 classes.
        gmacs: 10⁹ multiplications with an addition for one image of `side` pixels; torchvision
            calls them GFLOPS.
        side: of the images in pixels, with which the accuracies were measured.
        v1, v2: top-1 accuracies in percent on ImageNet's validation set, of the weights
            IMAGENET1K_V1 and IMAGENET1K_V2; None where there are none.
        recipe: how V1 was trained, as its documentation says: "simple", "new", "paper" (the
            paper's own or a similar recipe), "ported" (weights of others); None without V1.
    """

    name: str
    params: int
    gmacs: float
    side: int
    v1: float | None
    recipe: str | None
    v2: float | None


@functools.cache
def networks() -> Mapping[str, Network]:
    """Return all networks by name, in the order of the file."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {
        row["network"]: Network(
            row["network"],
            int(row["params"]),
            float(row["gmacs"]),
            int(row["side"]),
            float(row["v1"]) if row["v1"] else None,
            row["recipe"] or None,
            float(row["v2"]) if row["v2"] else None,
        )
        for row in rows
    }


def within(most: float | None) -> list[Network]:
    """Return the networks with at most `most` 10⁹ multiply-adds, as published; None: all."""
    return [each for each in networks().values() if most is None or each.gmacs <= most]


def network_named(arch: str, most: float | None = None) -> Network:
    """Return the network of a name.

    Raises:
        NaswotError: there is none, or it needs more than `most` 10⁹ multiply-adds.
    """
    found = networks().get(arch)
    if found is None:
        raise NaswotError(
            f"{shown(arch)} is not a classifier of torchvision, such as resnet50; "
            f"{FILE} lists them."
        )
    if most is not None and found.gmacs > most:
        raise NaswotError(
            f"{arch} needs {found.gmacs:g}·10⁹ multiply-adds, and networks of this space at most "
            f"{most:g}·10⁹. The space torchvision has all networks."
        )
    return found
