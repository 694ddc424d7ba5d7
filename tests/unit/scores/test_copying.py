"""A copy is that of `copy.deepcopy`, however often a network is copied and whatever it holds."""

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from naswot.errors import NaswotError
from naswot.scores.copying import Copier, copy_network
from naswot.spaces import SPACES


class Tied(nn.Module):
    """Shares a weight, a module, a buffer's memory and a list."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.again = self.first
        self.register_buffer("whole", torch.arange(6.0))
        self.register_buffer("part", self.whole[:3])
        self.seen: list[int] = []
        self.first.seen = self.seen

    def forward(self, x):
        self.seen.append(len(x))
        return self.again(self.second(self.first(x))) + self.whole.sum()


class Counted(nn.Linear):
    """Counts how often its state is read."""

    reads = 0

    def __getstate__(self):
        type(self).reads += 1
        return super().__getstate__()


def hooked():
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    network[0].register_forward_hook(lambda module, inputs, output: output + 1)
    return network


def with_array():
    network = nn.Sequential(nn.Linear(4, 4))
    network[0].table = np.arange(3)
    return network


def half_frozen():
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout()).eval()
    network[0].weight.requires_grad_(False)
    return network.double()


NETWORKS = {
    "tied": Tied,
    "half frozen": half_frozen,
    "a hook that cannot be pickled": hooked,
    "an array": with_array,
    "parametrised": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4))),
    "scripted": lambda: torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU())),
    "traced by fx": lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU())),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_copies_equal_the_network_and_share_nothing_with_it(make):
    torch.manual_seed(0)
    network = make()
    expected = copy.deepcopy(network)
    again = Copier(network)
    x = torch.randn(2, 4, dtype=next(network.parameters()).dtype)
    for copied in (again(), again()):
        names = [type(module).__qualname__ for module in copied.modules()]
        assert names == [type(module).__qualname__ for module in expected.modules()]
        assert [m.training for m in copied.modules()] == [m.training for m in expected.modules()]
        flags = [p.requires_grad for p in copied.parameters()]
        assert flags == [p.requires_grad for p in expected.parameters()]
        found, kept = copied.state_dict(), expected.state_dict()
        assert list(found) == list(kept)
        assert all(torch.equal(found[name], kept[name]) for name in kept)
        torch.testing.assert_close(copied(x), expected(x), rtol=0, atol=0)
        with torch.no_grad():
            for tensor in copied.state_dict().values():
                tensor.zero_()
    assert all(torch.equal(network.state_dict()[name], kept[name]) for name in kept)


def test_what_is_shared_in_the_network_is_shared_in_a_copy():
    network = Tied()
    copied = Copier(network)()
    assert copied.first.weight is copied.second.weight
    assert copied.again is copied.first
    assert copied.first.seen is copied.seen
    assert copied.seen is not network.seen
    copied.whole.zero_()
    assert not copied.part.any()
    assert network.part.any()


def test_the_structure_is_read_once():
    network = nn.Sequential(Counted(4, 4))
    again = Copier(network)
    for _ in range(3):
        again()
    assert Counted.reads == 1


def test_networks_of_spaces_need_no_slow_copy(monkeypatch):
    monkeypatch.setattr("naswot.scores.copying.copy_network", None)
    for name in ("nasbench201", "natsbench_sss"):
        space = SPACES[name]
        assert isinstance(Copier(space.build(space.architectures()[0], 10))(), nn.Module)


def test_what_cannot_be_copied_is_named():
    network = nn.Sequential(nn.Linear(4, 4))
    network.lock = threading.Lock()
    for copied in (Copier(network), lambda: copy_network(network)):
        with pytest.raises(NaswotError, match=r"Sequential cannot be copied .*lock.* function"):
            copied()
