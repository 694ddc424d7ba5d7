"""NAS-Bench-Macro: networks with the published counts, and what an identity means."""

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from naswot import score
from naswot.errors import NaswotError
from naswot.spaces import SPACES
from naswot.spaces.diagrams import diagram_of
from naswot.spaces.nasbenchmacro.counting import count

SPACE = SPACES["nasbenchmacro"]
ARCHS = st.text("012", min_size=8, max_size=8)
CIFAR = (3, 32, 32)

# `params` and `flops` of nas-bench-macro_cifar10.json (github.com/xiusu/NAS-Bench-Macro).
PUBLISHED = {
    "00000000": (387_882, 7_713_280),
    "00000001": (791_594, 14_115_328),
    "00000002": (1_219_370, 20_910_592),
    "22212202": (1_985_514, 85_164_544),  # the best: 93.13 %
}


def sizes(arch: str) -> list[tuple[int, int, int, int]]:
    """Return digit, channels in, channels out and the side of the output of each layer."""
    widths = (32, 64, 64, 128, 128, 128, 256, 256, 256)
    sides = (16, 16, 8, 8, 8, 4, 4, 4)
    return [
        (int(digit), *widths[i : i + 2], sides[i]) for i, digit in enumerate(arch)
    ]  # for images of 32 × 32 pixels


@pytest.mark.parametrize("arch", PUBLISHED)
def test_params_and_operations_are_the_published_ones(arch):
    params, flops = PUBLISHED[arch]
    assert SPACE.benchmark_params(arch) == params
    assert sum(each.numel() for each in SPACE.build(arch, 10).parameters()) == params
    # A multiplication and an addition are one operation there, and two here.
    assert count(arch, 10, CIFAR) == {"params": params, "flops": 2 * flops}


def test_params_and_operations_of_all_networks(mirror):
    table = pd.read_parquet(mirror / "nasbenchmacro.parquet")
    assert list(table["arch"]) == list(SPACE.architectures())
    counted = pd.DataFrame([count(arch, 10, CIFAR) for arch in table["arch"]])
    assert (counted["params"] == table["params"]).all()
    assert (counted["flops"] == 2 * table["flops"]).all()


def test_networks_that_are_one_were_trained_once(mirror):
    table = pd.read_parquet(mirror / "nasbenchmacro.parquet")
    groups = table.groupby(table["arch"].map(SPACE.canonical))
    assert len(groups) == SPACE.unique
    assert (groups[[f"cifar10/test/seed{seed}" for seed in range(3)]].nunique() == 1).all(axis=None)


@given(ARCHS)
def test_the_standard_form_is_the_same_network(arch):
    canonical = SPACE.canonical(arch)
    assert SPACE.canonical(canonical) == canonical
    networks = []
    for each in (arch, canonical):
        torch.manual_seed(1)
        networks.append(SPACE.build(each, 2).eval())
    weights = [list(network.state_dict().values()) for network in networks]
    assert all(torch.equal(*pair) for pair in zip(*weights, strict=True))
    images = torch.ones(1, 3, 8, 8)
    assert torch.equal(*(network(images) for network in networks))


def test_an_identity_does_something_only_where_the_shape_changes():
    features = SPACE.build("00000000").features
    changes = [not isinstance(layer, nn.Identity) for layer in features]
    assert changes == [True, False, True, False, False, True, False, False]


@pytest.mark.parametrize("arch", ["00000000", "12012021", "22222222"])
def test_the_score_reads_every_relu(arch, noise):
    units, modules, before = 32 * 32**2, 2, 32
    for digit, c_in, _, side in sizes(arch):
        if digit:
            units += (0, 3, 6)[digit] * c_in * (before**2 + side**2)
            modules += 2
        before = side
    units += 1280 * 4**2
    found = score(SPACE.build(arch), noise(4, 32))
    assert (found.relu_units, found.relu_modules) == (units, modules)


@pytest.mark.parametrize("arch", ["00000000", "12012021"])
def test_the_skeleton_is_that_of_the_network(arch):
    drawn = [
        (block.channels, block.size)
        for block in diagram_of(SPACE, arch).skeleton
        for _ in range(block.repeat)
    ]
    layers = [(c_out, side) for _, _, c_out, side in sizes(arch)]
    assert drawn == [(32, 32), *layers, (1280, 4), (1280, None), (10, None)]
    found, network = [], SPACE.build(arch, 10)
    for layer in network.features:
        layer.register_forward_hook(lambda *call: found.append(tuple(call[2].shape[1:3])))
    network(torch.zeros(2, *CIFAR))
    assert found == layers


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("", "'' is not an architecture of NAS-Bench-Macro .*: it has 0 characters instead of 8"),
        ("012012010", "it has 9 characters instead of 8"),
        ("0120120x", "the digit of layer 8 is 'x', not 0 to 2"),
        ("3" * 8, "the digit of layer 1 is '3'"),
        ("٠1201201", "the digit of layer 1 is '٠'"),
    ],
)
def test_a_wrong_part_is_named(arch, message):
    for function in (SPACE.build, SPACE.canonical, SPACE.genes, SPACE.benchmark_params):
        with pytest.raises(NaswotError, match=message):
            function(arch)
