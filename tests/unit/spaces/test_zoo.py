"""The classifiers of torchvision: what is published about them, and that we build and count them.

Tests of built networks need torchvision: `make test-zoo` installs it apart and runs them.
"""

import functools
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import zoo_table
from needs import torchvision_models
from torch import nn

from naswot.costs.counting import count_built
from naswot.errors import NaswotError, SpaceError
from naswot.runtime.progress import Progress
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, Options
from naswot.spaces import SPACES
from naswot.spaces.diagrams import diagram_of, spaces_of
from naswot.spaces.zoo import build, published
from naswot.stages.score import score_architectures

ALL, SMALL = SPACES["torchvision"], SPACES["torchvision_2g"]


@pytest.fixture(scope="module")
def models():
    return torchvision_models()


def test_the_spaces_are_the_networks_up_to_a_number_of_operations():
    for name, (most, size) in published.LIMITS.items():
        names = {each.name for each in published.within(most)}
        assert SPACES[name].size == len(names) == size
        for each in published.networks().values():
            if each.name in names:
                assert SPACES[name].canonical(each.name) == each.name
                continue
            with pytest.raises(NaswotError, match=f"^{each.name} needs .*at most {most:g}·10⁹"):
                SPACES[name].canonical(each.name)


@pytest.mark.parametrize("arch", ["", "resnet", "ResNet50", "resnet50 ", "64:64:64:64:64"])
def test_what_is_no_network_is_refused(arch):
    for use in (ALL.canonical, SMALL.canonical, ALL.build, ALL.benchmark_params):
        with pytest.raises(NaswotError, match=r"is not a classifier of torchvision.*networks\.csv"):
            use(*((arch, 10) if use is ALL.build else (arch,)))


def test_the_name_of_a_network_tells_the_space():
    assert spaces_of("resnet50") == ["torchvision"]
    assert spaces_of("64:64:64:64:64") == ["natsbench_sss"]


def test_without_torchvision_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "torchvision.models", raising=False)
    with pytest.raises(SpaceError, match=r"pip install 'naswot\[zoo\]'"):
        build("resnet18", 10)


def test_a_torchvision_that_cannot_be_imported_stops_the_run(monkeypatch, tmp_path):
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision/__init__.py").write_text("raise RuntimeError('no custom operators')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SpaceError, match=r"cannot be imported \(RuntimeError: no custom operators"):
        build("resnet18", 10)


def test_networks_to_which_a_score_does_not_apply_have_none_and_a_note(noise):
    """Even all networks of a shard: those of other shards may have ReLUs."""

    def make(arch, classes):
        activation = nn.ReLU() if arch == "relu" else nn.SiLU()
        return nn.Sequential(nn.Conv2d(3, 4, 3), activation, nn.Flatten(), nn.LazyLinear(classes))

    def scored(*archs):
        table = pd.DataFrame({"index": range(len(archs)), "arch": archs})
        batch = Batch(noise(4), torch.arange(4), 4)
        about = FAMILIES["naswot"], 0, Progress("zoo", len(archs), "networks"), Options()
        return score_architectures(table, make, batch, *about, custom=True, varied=True)

    frame = scored("silu", "relu", "also silu")
    assert np.isfinite(frame["naswot"]).tolist() == [False, True, False]
    assert frame["note"].str.contains("no ReLU").tolist() == [True, False, True]
    assert scored("silu", "also silu")["naswot"].isna().all()


def test_the_file_has_what_torchvision_publishes(models):
    assert zoo_table.table() == published.FILE.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_we_count_the_published_parameters_and_operations_of_every_network(models):
    # Published with its auxiliary classifier, which is not built: two convolutions, which batch
    # normalisation follows, and a linear layer.
    auxiliary = 128 * 768 + 2 * 128 + 768 * 128 * 25 + 2 * 768 + 768 * 1000 + 1000
    differ = {}
    for name, network in published.networks().items():
        make = functools.partial(build, name, 1000)
        counts = count_built(make, (3, network.side, network.side))
        # Published operations are rounded to 10⁶ multiply-adds, each two operations.
        if abs(counts.flops / 2e9 - network.gmacs) > 0.00051 or counts.params != network.params:
            differ[name] = network.params - counts.params
    assert differ == {"inception_v3": auxiliary}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "googlenet", "squeezenet1_1"])
def test_a_network_has_as_many_outputs_as_classes(models, noise, name):
    with torch.no_grad():
        assert build(name, 7)(noise(2, 64)).shape == (2, 7)


def test_a_diagram_has_the_blocks_in_the_order_in_which_they_run(models):
    skeleton = diagram_of(ALL, "resnet18").skeleton
    assert [(each.label, each.repeat, each.channels, each.size) for each in skeleton] == [
        ("Conv2d", 1, 64, 112),
        ("MaxPool2d", 1, 64, 56),
        ("BasicBlock", 2, 64, 56),
        ("BasicBlock", 2, 128, 28),
        ("BasicBlock", 2, 256, 14),
        ("BasicBlock", 2, 512, 7),
        ("AdaptiveAvgPool2d", 1, 512, None),
        ("Linear", 1, 1000, None),
    ]
    # The channels of Swin are last; RegNet cannot be built without values.
    swin = diagram_of(ALL, "swin_t").skeleton
    assert [(each.channels, each.size) for each in swin if "Transformer" in each.label] == [
        (96, 56), (192, 28), (384, 14), (768, 7),
    ]  # fmt: skip
    regnet = diagram_of(ALL, "regnet_y_400mf").skeleton
    assert sum(each.repeat for each in regnet if each.label == "ResBottleneckBlock") == 16
