"""Spaces as choices: what is drawn is in the space, costs what is counted, and can be changed."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from naswot.errors import NaswotError
from naswot.spaces import SPACES, zoo
from naswot.spaces.choice_spaces import CHOICE_SPACES, choice_space
from naswot.spaces.choices import draw, draw_random, fitted, mutate
from naswot.spaces.graph import Diagram

FOURFOLD = ("nasbench201", "natsbench_sss")  # sides of images are multiples of 4
# All architectures, of independent choices.
LISTED = (*FOURFOLD, "nasbenchmacro", "transnas_micro")
INDEPENDENT = (*LISTED, "mobile", "mobile_hswish", "resnet")  # no choice depends on another
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# Lists of real networks, and tables of other trainings of networks that nasbench301 draws.
TABLES_ONLY = {"darts_trained_200", "darts_trained_600"} | {space.name for space in zoo.SPACES}
COUNTED = [name for name, space in CHOICE_SPACES.items() if space.count is not None]


@pytest.fixture(params=CHOICE_SPACES, ids=str)
def space(request):
    return CHOICE_SPACES[request.param]


def built_costs(network: torch.nn.Module, shape: tuple[int, ...]) -> dict[str, float]:
    """Return what PyTorch counts in a network on the meta device."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, *shape, device="meta"))
    params = sum(each.numel() for each in network.parameters() if each.requires_grad)
    return {"params": params, "flops": counter.get_total_flops()}


def test_names_are_those_of_the_benchmarks(space):
    assert CHOICE_SPACES[space.name] is space
    assert set(SPACES) - set(CHOICE_SPACES) == TABLES_ONLY


def test_the_architectures_drawn_run_at_any_resolution(space, noise):
    generator = np.random.default_rng(3)
    for size in (16, 32, 64):
        network = space.build(draw_random(space, generator).arch, 5)
        assert network(noise(2, size)).shape == (2, 5)


@pytest.mark.parametrize("name", [name for name in SPACES if name not in TABLES_ONLY])
def test_a_benchmark_knows_the_architectures_drawn(name):
    generator, benchmark = np.random.default_rng(4), SPACES[name]
    for arch in (draw_random(CHOICE_SPACES[name], generator).arch for _ in range(50)):
        canonical = benchmark.canonical(arch)
        if name.startswith("nds_"):
            assert canonical == arch
        if benchmark.architectures is not None:
            assert arch in benchmark.architectures()


def test_cells_of_nasbench101_are_written_as_in_the_benchmark(mirror):
    from naswot.benchmarks.nasbench101 import read_mirror

    written = set(read_mirror(mirror / "nasbench101.parquet")["arch"])
    generator = np.random.default_rng(5)
    parent = draw_random(CHOICE_SPACES["nasbench101"], generator)
    for _ in range(300):
        assert parent.arch in written
        parent = mutate(CHOICE_SPACES["nasbench101"], parent, generator)


def test_all_of_a_benchmark_is_reached():
    def numbered(space, number: int) -> str:
        def choose(_, options):
            nonlocal number
            number, digit = divmod(number, len(options))
            return options[digit]

        return draw(space, choose).arch

    for name in LISTED:
        size = SPACES[name].size
        drawn = {numbered(CHOICE_SPACES[name], number) for number in range(size)}
        assert drawn == set(SPACES[name].architectures())


def test_every_option_is_drawn_sooner_or_later(space):
    generator = np.random.default_rng(6)
    drawn = [draw_random(space, generator) for _ in range(1500)]
    offered, chosen = {}, {}
    for one in drawn:
        for name, value in one.choices.items():
            offered.setdefault(name, set()).update(one.options[name])
            chosen.setdefault(name, set()).add(value)
    assert offered == chosen


def test_a_mutation_changes_the_architecture(space):
    generator = np.random.default_rng(7)
    parent = draw_random(space, generator)
    for _ in range(50):
        child = mutate(space, parent, generator)
        assert child.arch != parent.arch
        if space.name in INDEPENDENT:
            assert child.choices.keys() == parent.choices.keys()
            differing = [
                name for name in child.choices if child.choices[name] != parent.choices[name]
            ]
            assert len(differing) == 1
        parent = child


@pytest.mark.parametrize("name", LISTED)
def test_the_size_is_the_product_of_the_options(name):
    drawn = draw_random(CHOICE_SPACES[name], np.random.default_rng(8))
    assert drawn.routes == SPACES[name].size


@pytest.mark.parametrize("name", COUNTED)
@settings(max_examples=12)
@given(data=st.data())
def test_counts_are_those_of_the_network(name, data):
    space = CHOICE_SPACES[name]
    arch = draw(space, lambda _, options: data.draw(st.sampled_from(options))).arch
    step = 4 if name in FOURFOLD else 1
    height, width = (step * data.draw(st.integers(16 // step, 72 // step)) for _ in range(2))
    shape, classes = (3, height, width), data.draw(st.integers(1, 1000))
    with torch.device("meta"):
        network = space.build(arch, classes)
    assert space.count(arch, classes, shape) == built_costs(network, shape)


def test_params_are_those_of_the_benchmarks(mirror):
    for name, column in (("nasbench201", "arch"), ("natsbench_sss", "channels")):
        table = pd.read_parquet(mirror / f"{name}.parquet", columns=[column, "params"])[::40]
        count = CHOICE_SPACES[name].count
        assert [count(arch, 10, (3, 32, 32))["params"] for arch in table[column]] == [
            *table["params"]
        ]


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32), (3, 0, 32)])
def test_other_images_are_refused(name, shape):
    space = CHOICE_SPACES[name]
    arch = draw_random(space, np.random.default_rng(10)).arch
    with pytest.raises(NaswotError, match=r"take images \(3, H, W\), not"):
        space.count(arch, 10, shape)


@pytest.mark.parametrize("name", FOURFOLD)
def test_sides_that_the_residual_blocks_cannot_halve_are_refused(name):
    space = CHOICE_SPACES[name]
    arch = draw_random(space, np.random.default_rng(11)).arch
    with pytest.raises(NaswotError, match=r"30×32 pixels do not fit.*multiples of 4"):
        space.count(arch, 10, (3, 30, 32))
    with pytest.raises(RuntimeError):
        space.build(arch, 10)(torch.zeros(2, 3, 30, 32))


def test_every_space_can_be_drawn(space):
    arch = draw_random(space, np.random.default_rng(12)).arch
    diagram = space.diagram(arch, space.title)
    assert isinstance(diagram, Diagram)
    assert diagram.skeleton[-1].label == "linear"


def test_malformed_architectures_are_refused(space):
    arch = draw_random(space, np.random.default_rng(13)).arch
    for text in ("", "x", f"{arch}x", arch[:-1], arch[1:], "[" * 10_000):
        with pytest.raises(NaswotError):
            space.build(text, 10)


def test_a_space_is_named_by_its_name():
    assert choice_space("nasbench201") is CHOICE_SPACES["nasbench201"]
    with pytest.raises(
        NaswotError, match=r"no search space 'nasbench20'\. Did you mean nasbench201"
    ):
        choice_space("nasbench20")
    with pytest.raises(NaswotError, match=r"Name one of mobile, mobile_hswish, resnet,"):
        choice_space("x")
    with pytest.raises(NaswotError, match=r"There is no file no/space\.py"):
        choice_space("no/space.py")


def test_the_page_lists_each_space_and_its_size(root):
    text = (root / "docs/reference/search_spaces.md").read_text(encoding="utf-8")
    text = text.partition("## Built-in spaces")[2].partition("## ")[0]
    rows = dict(re.findall(r"^\| (`.*?`) \| ([^|]*[0-9][^|]*) \|", text, re.M))
    listed = set()
    for cell in rows:
        for name in re.findall(r"`(.*?)`", cell):
            start, _, rest = name.partition("{")
            few, _, end = rest.partition("}")
            listed |= {f"{start}{one}{end}" for one in few.split(",")}
    assert listed == set(CHOICE_SPACES)
    for name in INDEPENDENT:
        space = fitted(CHOICE_SPACES[name], (3, 32, 32))
        size = draw_random(space, np.random.default_rng(14)).routes
        (written,) = (size for cell, size in rows.items() if f"`{name}`" in cell)
        exponent = int(np.log10(size))
        power = f"{size / 10**exponent:.1f}·10{str(exponent).translate(SUPERSCRIPTS)}"
        assert written.removesuffix(" each") in (f"{size:,.0f}", power)


def test_spaces_are_listed_without_torch():
    code = "import sys; from naswot.spaces.choice_spaces import CHOICE_SPACES as s; "
    code += "import numpy; [each.draw(lambda _, options: options[0]) for each in s.values()]; "
    code += "sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
