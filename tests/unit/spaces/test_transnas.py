"""TransNAS-Bench-101: its architectures in order, and networks as its definition says."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from architectures import MACRO, MICRO
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.spaces import SPACES
from naswot.spaces.neighbourhood import neighbourhood
from naswot.spaces.transnas.counting import count_macro, count_micro

CELLS, SKELETONS = SPACES["transnas_micro"], SPACES["transnas_macro"]
BOTH = pytest.mark.parametrize(
    ("space", "arch"), [(CELLS, MICRO), (SKELETONS, MACRO)], ids=["micro", "macro"]
)


def test_all_architectures_are_listed_once():
    digits = itertools.product("0123", repeat=6)
    micro = {f"64-41414-{a}_{b}{c}_{d}{e}{f}" for a, b, c, d, e, f in digits}
    macro = {
        f"64-{''.join(code)}-basic"
        for depth in (4, 5, 6)
        for code in itertools.product("1234", repeat=depth)
        if sum(digit in "24" for digit in code) in (1, 2, 3)
        and sum(digit in "34" for digit in code) in (1, 2, 3, 4)
    }
    for space, expected in ((CELLS, micro), (SKELETONS, macro)):
        listed = space.architectures()
        assert len(listed) == len(expected) == space.size
        assert set(listed) == expected


def test_the_order_is_the_benchmarks(mirror):
    table = pd.read_parquet(mirror / "transnasbench101.parquet", columns=["arch", "space"])
    for kind in ("micro", "macro"):
        listed = SPACES[f"transnas_{kind}"].architectures()
        assert list(table["arch"][table["space"] == kind]) == list(listed)
    # yawen-d/TransNASBench, README.md
    assert SKELETONS.architectures()[1] == "64-2311-basic"


# Millions of parameters in automl/NASLib, naslib/data/zc_transbench101_{micro,macro}.json at
# e5a821c2dadf608042e4e046e386006cf6bd0564, under class_scene, for which it has 63 classes.
PUBLISHED = {
    "64-41414-1_00_210": 0.910687,
    "64-41414-1_00_223": 9.440607,
    "64-41414-0_11_233": 16.256351,
    "64-41414-1_10_312": 7.381087,
    "64-41414-1_10_123": 9.103199,
    "64-41414-3_10_022": 8.064351,
    "64-41414-2_13_121": 9.614431,
    "64-41414-0_13_111": 8.072287,
    "64-41414-1_33_223": 23.237983,
    "64-41414-2_31_021": 7.718495,
    "64-41414-0_12_010": 1.082719,
    "64-41414-2_30_103": 14.708063,
    "64-41414-3_22_323": 22.372959,
    "64-41414-0_21_021": 1.593951,
    "64-41414-2_23_312": 16.076383,
    "64-1242-basic": 11.218783,
    "64-2124-basic": 11.661663,
    "64-121113-basic": 3.081183,
    "64-1124-basic": 2.956895,
    "64-413331-basic": 3.557343,
    "64-3443-basic": 5.240543,
    "64-441133-basic": 12.238431,
    "64-133341-basic": 1.748575,
    "64-34421-basic": 20.664287,
    "64-332241-basic": 20.816479,
    "64-44134-basic": 15.859551,
    "64-231134-basic": 5.057631,
    "64-113112-basic": 1.297247,
    "64-143132-basic": 4.614751,
}


@pytest.mark.parametrize("arch", PUBLISHED)
def test_params_are_the_published_ones(arch):
    space, count = (SKELETONS, count_macro) if arch.endswith("basic") else (CELLS, count_micro)
    with torch.device("meta"):
        network = space.build(arch, 63)
    built = sum(weights.numel() for weights in network.parameters())
    assert built == count(arch, 63, (3, 256, 256))["params"] == round(PUBLISHED[arch] * 1e6)
    # Scene classification has 47 classes in the benchmark, and NASLib 63.
    features = network.head.in_features
    assert space.benchmark_params(arch) == built - 16 * (features + 1)


class Literal:
    """A network, literally as the paper and the benchmark's readme describe it.

    It takes the convolutions and normalisations of a built network one after the other.
    """

    def __init__(self, network):
        self.layers = iter([*network.modules()])
        self.head = network.head

    def next(self, kind):
        return next(layer for layer in self.layers if isinstance(layer, kind))

    def conv(self, x, kernel, stride, rectified=True):
        weight = self.next(torch.nn.Conv2d).weight
        assert weight.shape[-1] == kernel
        x = functional.relu(x) if rectified else x
        return self.norm(functional.conv2d(x, weight, stride=stride, padding=kernel // 2))

    def norm(self, x):
        self.next(torch.nn.BatchNorm2d)
        return (x - x.mean((0, 2, 3), keepdim=True)) / torch.sqrt(
            x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5
        )

    def operation(self, digit, x, double, stride):
        """Return what an edge makes of x, with twice the channels and half the side or as it is."""
        if digit == "0":
            zeros = torch.zeros_like(x[:, :, ::stride, ::stride])
            return torch.cat([zeros, zeros], 1) if double else zeros
        if digit == "1" and stride == 1:
            return x
        if digit == "1":
            even, odd = (self.next(torch.nn.Conv2d).weight[:, :, 0, 0] for _ in range(2))
            x = functional.relu(x)
            shifted = torch.zeros_like(x)
            shifted[:, :, :-1, :-1] = x[:, :, 1:, 1:]
            halves = (
                torch.einsum("oc,bchw->bohw", weight, part[:, :, ::2, ::2])
                for weight, part in ((even, x), (odd, shifted))
            )
            return self.norm(torch.cat([*halves], 1))
        return self.conv(x, {"2": 1, "3": 3}[digit], stride)

    def cell(self, code, x, double, stride):
        if code == "basic":
            y = self.conv(self.conv(x, 3, stride), 3, 1)
            return y + (self.conv(x, 1, stride, rectified=False) if double or stride > 1 else x)
        nodes = [x]
        for digits in code.split("_"):
            edges = [
                self.operation(digit, node, *((False, 1) if at else (double, stride)))
                for at, (digit, node) in enumerate(zip(digits, nodes, strict=True))
            ]
            nodes.append(sum(edges))
        return nodes[-1]

    def __call__(self, arch, x):
        _, modules, code = arch.split("-")
        x = self.conv(self.conv(x, 3, 2, rectified=False), 3, 2)
        for digit in modules:
            double, stride = digit in "24", 2 if digit in "34" else 1
            x = self.cell(code, self.cell(code, x, double, stride), False, 1)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("side", [32, 45])
@pytest.mark.parametrize(
    "arch", [MICRO, "64-41414-1_12_311", "64-41414-3_20_103", MACRO, "64-1234-basic"]
)
def test_a_network_computes_what_the_definition_says(arch, side, noise):
    space = SKELETONS if arch.endswith("basic") else CELLS
    torch.manual_seed(0)
    network = space.build(arch, 5).double()
    images = noise(4, side).double()
    with torch.no_grad():
        torch.testing.assert_close(network(images), Literal(network)(arch, images))


def test_a_cell_that_passes_nothing_on_keeps_the_graph(noise):
    network = CELLS.build("64-41414-0_00_000", 3)
    logits = network(noise(4, 20))
    logits.sum().backward()
    assert (logits == logits[0]).all()
    gradients = [weights.grad for weights in network.stem.parameters()]
    assert all((gradient == 0).all() for gradient in gradients)


@BOTH
def test_initial_weights_are_normal_with_the_fan_of_the_output(space, arch):
    torch.manual_seed(1)
    network = space.build(arch, 5)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            fan = layer.weight.shape[0] * layer.weight[0, 0].numel()
            spread = 4 / np.sqrt(2 * layer.weight.numel())  # four standard errors
            found = float(layer.weight.detach().std()) * np.sqrt(fan / 2)
            assert found == pytest.approx(1, abs=spread)


def test_skeletons_differ_in_one_module_from_their_neighbours():
    found = neighbourhood(SKELETONS, SKELETONS.architectures())
    assert not found.nearest
    assert SKELETONS.genes("64-1234-basic") == (1, 2, 3, 4)
    place = SKELETONS.architectures().index("64-4111-basic")
    others = {SKELETONS.architectures()[i] for i in found.neighbours[place] if i >= 0}
    assert others == {
        f"64-{code}-basic"
        for code in (
            "4211", "4311", "4411", "4121", "4131", "4141", "4112", "4113", "4114",
            "41111", "41112", "41113", "41114",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("space", "arch", "reason"),
    [
        (CELLS, "64-41414", r"has 2 part\(s\) joined by '-' instead of 3"),
        (CELLS, "32-41414-1_02_333", "begins with '32' instead of 64"),
        (CELLS, "64-41413-1_02_333", "modules are '41413' instead of 41414"),
        (CELLS, "64-41414-10_2_333", "'10_2_333' should have 1, 2 and 3 digits"),
        (CELLS, "64-41414-1_02_343", r"'4' in the cell '1_02_343' is not one of 0 \(none\)"),
        (CELLS, "64-41414-basic", "'basic' should have 1, 2 and 3 digits"),
        (SKELETONS, "64-1234-1_02_333", "cell is '1_02_333' instead of basic"),
        (SKELETONS, "64-1254-basic", "'5' in '1254' is not a kind of module, 1 to 4"),
        (SKELETONS, "64-²4-basic", "'²' in '²4' is not a kind of module"),
        (SKELETONS, "64-124-basic", "'124' has 3 modules instead of 4 to 6"),
        (SKELETONS, "64-1113-basic", "1113 doubles the channels 0 times instead of 1 to 3"),
        (SKELETONS, "64-2244-basic", "2244 doubles the channels 4 times"),
        (SKELETONS, "64-2111-basic", "2111 halves the resolution 0 times instead of 1 to 4"),
        (SKELETONS, "64-33334-basic", "33334 halves the resolution 5 times"),
    ],
)
def test_the_wrong_part_of_an_architecture_is_named(space, arch, reason):
    for function in (space.canonical, space.genes, space.build, space.benchmark_params):
        with pytest.raises(NaswotError, match=f"is not a TransNAS-Bench-101.*{reason}"):
            function(arch)
