"""The choices of NDS and NAS-Bench-301: as many as published, and published networks among them."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from naswot.spaces import SPACES
from naswot.spaces.choice_spaces import CHOICE_SPACES
from naswot.spaces.choices import draw, draw_random
from naswot.spaces.nds import from_record


def cells_of(drawn, kind: str) -> float:
    """Return how many cells of a kind there are, where no choice depends on another."""
    return math.prod(len(each) for name, each in drawn.options.items() if name.startswith(kind))


# In billions (Radosavovic et al., ICCV 2019).
@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("nds_amoeba", 556_628),
        ("nds_darts", 242),
        ("nds_enas", 5_063),
        ("nds_nasnet", 71_465_842),
        ("nds_pnas", 556_628),
    ],
)
def test_there_are_as_many_cells_as_in_the_paper(name, billions):
    drawn = draw_random(CHOICE_SPACES[name], np.random.default_rng(0))
    for kind in ("normal", "reduce"):
        assert cells_of(drawn, kind) / 1e9 == pytest.approx(billions, abs=0.5)


# Radosavovic et al., ICCV 2019.
@pytest.mark.parametrize(
    ("name", "networks"),
    [
        ("nds_resnet", 1_259_712),
        ("nds_vanilla", 1_259_712),
        ("nds_resnext-a", 11_390_625),
        ("nds_resnext-b", 52_734_375),
    ],
)
def test_there_are_as_many_networks_as_in_the_paper(name, networks):
    assert draw_random(CHOICE_SPACES[name], np.random.default_rng(0)).routes == networks


def test_nasbench301_has_more_than_a_quintillion_networks():
    """More than 10^18, as its paper says (Zela et al., ICLR 2022)."""
    drawn = draw_random(CHOICE_SPACES["nasbench301"], np.random.default_rng(0))
    assert drawn.routes == pytest.approx((180 * 7**8) ** 2)


def wanted_of_cells(net: dict) -> dict:
    wanted = {"width": net["width"], "depth": net["depth"]}
    for kind in ("normal", "reduce"):
        for place, (name, source) in enumerate(net["genotype"][kind]):
            node, branch = 2 + place // 2, "ab"[place % 2]
            wanted[f"{kind}_{node}_op_{branch}"] = name
            wanted[f"{kind}_{node}_input_{branch}"] = source
    return wanted


def wanted_of_stages(described: dict) -> dict:
    wanted = {}
    for i, width in enumerate(described["ws"]):
        wanted |= {f"depth_{i + 1}": described["ds"][i], f"width_{i + 1}": width}
        if described["bms"]:
            wanted[f"multiplier_{i + 1}"] = described["bms"][i]
            inner = round(width * described["bms"][i])
            wanted[f"groups_{i + 1}"] = inner // described["gws"][i]
    return wanted


def drawn_as(name: str, wanted: dict) -> str:
    def choose(choice, options):
        assert wanted[choice] in options, choice
        return wanted[choice]

    return draw(CHOICE_SPACES[name], choose).arch


def test_published_records_can_be_drawn(shared):
    file = shared / "data/official_format/nds/nds_real_examples.json"
    records = json.loads(file.read_text())["records"]
    assert len(records) == 4
    for record in records:
        name = f"nds_{record['sweep'].lower()}"
        arch = from_record(name, record["net"])
        described = json.loads(arch)
        cells = "searchspace" in described
        wanted = wanted_of_cells(described["net"]) if cells else wanted_of_stages(described)
        assert drawn_as(name, wanted) == arch


def test_networks_of_nasbench301_can_be_drawn(mirror):
    table = pd.read_parquet(mirror / "nasbench301_darts_sample.parquet", columns=["genotype"])
    for text in table["genotype"][:50]:
        genotype = json.loads(text)
        for kind in ("normal", "reduce"):  # the order of a node's two inputs does not matter
            pairs = genotype[kind]
            ordered = (sorted(pairs[i : i + 2], key=lambda pair: pair[1]) for i in range(0, 8, 2))
            genotype[kind] = [pair for node in ordered for pair in node]
        net = {"width": 32, "depth": 8, "aux": False, "drop_prob": 0.0, "genotype": genotype}
        wanted = wanted_of_cells(net)
        for kind in ("normal", "reduce"):
            for node in range(2, 6):
                inputs = [wanted[f"{kind}_{node}_input_{branch}"] for branch in "ab"]
                wanted[f"{kind}_{node}_inputs"] = "+".join(map(str, inputs))
        arch = drawn_as("nasbench301", wanted)
        assert arch == SPACES["nds_darts"].canonical(
            json.dumps({"searchspace": "DARTS", "net": net})
        )
