"""Turn a configuration of pycls into an architecture string of the NDS spaces of stages.

pycls 0.1.1 (facebookresearch/pycls, `pycls/core/config.py`, `models/anynet.py` and
`models/regnet.py`, MIT) describes a network in sections of a configuration: ``MODEL.TYPE`` is
``anynet`` or ``regnet``, and the section ``ANYNET`` or ``REGNET`` has its numbers. Keys that a
configuration leaves out have pycls's defaults. A RegNet is an AnyNet whose widths follow from four
numbers (Radosavovic, Kosaraju, Girshick, He & Dollár, "Designing Network Design Spaces", CVPR
2020). pycls itself is not needed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from naswot.errors import NaswotError, shown
from naswot.io.yaml import read_yaml
from naswot.spaces.nds.checks import FaultError, choice, integer, number
from naswot.spaces.nds.genotypes import canonical
from naswot.spaces.nds.stages import BLOCKS, BOTTLENECK, STEM

# pycls's defaults. NDS has neither squeeze-and-excitation nor another stem than CIFAR's.
SHARED = {
    "STEM_TYPE": "simple_stem_in",
    "STEM_W": 32,
    "BLOCK_TYPE": BOTTLENECK,
    "SE_ON": False,
    "SE_R": 0.25,
}
# Only TYPE decides on the network; DEPTH is that of other networks.
MODEL = {"TYPE": "", "DEPTH": 0, "NUM_CLASSES": 10, "LOSS_FUN": "cross_entropy"}
LISTS = {"DEPTHS": "ds", "WIDTHS": "ws", "STRIDES": "ss", "BOT_MULS": "bms", "GROUP_WS": "gws"}
ANYNET = SHARED | dict.fromkeys(LISTS, ())
REGNET = SHARED | {
    "STRIDE": 2, "DEPTH": 10, "W0": 32, "WA": 5.0, "WM": 2.5, "GROUP_W": 16, "BOT_MUL": 1.0,
}  # fmt: skip
QUANTUM = 8  # widths of a RegNet are multiples of it
SPACES = {block: space for space, block in reversed(BLOCKS.items())}


def from_pycls(config: Mapping[str, Any] | str | Path) -> tuple[str, str]:
    """Return the name of the NDS space of a pycls network, and its architecture string.

    The space is that of the block: `nds_resnet`, `nds_vanilla`, or `nds_resnext-a`, whose
    architectures are written as those of `nds_resnext-b`. `naswot.spaces.nds.build` builds the
    network, with as many outputs as you ask for.

    Args:
        config: a node of pycls (yacs) such as `pycls.core.config.cfg`, a mapping with the same
            keys, or the path of a YAML file.

    Raises:
        NaswotError: the network is not one of NDS; the message names the key.
    """
    named = isinstance(config, (str, Path))
    origin = str(config) if named else "the pycls configuration"
    whole: Any = read_yaml(config) if named else config  # type: ignore[arg-type]
    try:
        model = _section(whole, "MODEL", MODEL)
        kind = choice(model["TYPE"], "MODEL.TYPE", ("anynet", "regnet"))
        described = _anynet(whole) if kind == "anynet" else _regnet(whole)
    except FaultError as fault:
        raise NaswotError(f"{origin}: {fault}.") from None
    try:
        space = SPACES[described["block_type"]]
        return space, canonical(json.dumps(described), space)
    except NaswotError as error:
        raise NaswotError(f"{origin} is no network of NDS: {error}") from error


def _section(config: Mapping[str, Any], name: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section; keys that are missing have the defaults' values.

    Raises:
        FaultError: there is none, or a key is not among the defaults: it may change the network.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get(name, {}), Mapping):
        raise FaultError(f"it has no section {name} with keys such as {next(iter(defaults))}")
    section = config.get(name, {})
    for key in section:
        if key not in defaults:
            raise FaultError(f"{name}.{key} is not known; there are {', '.join(defaults)}")
    return {**defaults, **section}


def _common(section: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the part of an architecture that AnyNets and RegNets describe in the same way."""
    if section["SE_ON"]:
        raise FaultError(f"{name}.SE_ON is true; NDS has no squeeze-and-excitation")
    return {
        "stem_type": choice(section["STEM_TYPE"], f"{name}.STEM_TYPE", (STEM,)),
        "stem_w": section["STEM_W"],
        "se_r": None,
        "block_type": choice(section["BLOCK_TYPE"], f"{name}.BLOCK_TYPE", tuple(SPACES)),
    }


def _anynet(config: Mapping[str, Any]) -> dict[str, Any]:
    section = _section(config, "ANYNET", ANYNET)
    described = _common(section, "ANYNET")
    for key, name in LISTS.items():
        if not isinstance(section[key], (list, tuple)):
            raise FaultError(f"ANYNET.{key} is {shown(section[key])}; it should be a list")
        described[name] = list(section[key])
    return described


def _regnet(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a RegNet's stages: widths that grow linearly, rounded to powers of WM and to 8."""
    section = _section(config, "REGNET", REGNET)
    described = _common(section, "REGNET")
    if described["block_type"] != BOTTLENECK:
        raise FaultError(f"REGNET.BLOCK_TYPE is {described['block_type']}; pycls needs bottlenecks")
    depth = integer(section["DEPTH"], "REGNET.DEPTH")
    initial = integer(section["W0"], "REGNET.W0", QUANTUM)
    slope = number(section["WA"], "REGNET.WA", 0, 1e4)
    factor = number(section["WM"], "REGNET.WM", 1, 1e4)
    multiplier = number(section["BOT_MUL"], "REGNET.BOT_MUL", 0, 4)
    group = integer(section["GROUP_W"], "REGNET.GROUP_W")
    if initial % QUANTUM or factor == 1 or not multiplier:
        raise FaultError("REGNET.W0 should be a multiple of 8, WM above 1 and BOT_MUL above 0")
    steps = np.round(np.log((np.arange(depth) * slope + initial) / initial) / np.log(factor))
    per_block = np.round(initial * factor**steps / QUANTUM) * QUANTUM
    widths, depths = np.unique(per_block.astype(int), return_counts=True)
    stages = [_fitting(int(width), multiplier, group) for width in widths]
    return described | {
        "ds": depths.tolist(),
        "ws": [width for width, _ in stages],
        "ss": [section["STRIDE"]] * len(stages),
        "bms": [multiplier] * len(stages),
        "gws": [width for _, width in stages],
    }


def _fitting(width: int, multiplier: float, group: int) -> tuple[int, int]:
    """Return a stage's width and group width, changed so that groups divide the bottleneck."""
    inner = int(width * multiplier)
    group = min(group, inner)
    if not group:
        raise FaultError(f"REGNET.BOT_MUL is {multiplier} and leaves no channel of {width}")
    return int(int(round(inner / group) * group) / multiplier), group
