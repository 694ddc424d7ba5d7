"""A copy is that of `copy.deepcopy`, however often a network is copied and whatever it holds."""

import copy
import threading
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from naswot import rank
from naswot.errors import NaswotError
from naswot.scores import copying
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


class Wrapped(nn.Linear):
    """Keeps a method that it overrides."""

    def __init__(self):
        super().__init__(4, 4)
        self.plain = super().forward

    def forward(self, x):
        return self.plain(x) + 1


class Constant:
    """An object that is pickled by its name in this module."""

    def __reduce__(self):
        return "CONSTANT"


CONSTANT = Constant()


class Loaded(nn.Linear):
    """Counts how often it is made from its state."""

    loads = 0

    def __setstate__(self, state):
        type(self).loads += 1
        super().__setstate__(state)


def patched():
    def forward(self, x):
        return self[1](self[0](x)) * 3

    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    network.forward = types.MethodType(forward, network)
    return network


def with_constants():
    network = nn.Sequential(nn.Linear(4, 4))
    network.kinds = [torch.float16, torch.channels_last, torch.per_tensor_affine]
    network.device = torch.device("cpu")
    return network


def with_name():
    network = nn.Sequential(nn.Linear(4, 4))
    network.constant = CONSTANT
    return network


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


# Network, and whether a pickle of it is read for each copy
NETWORKS = {
    "tied": (Tied, True),
    "half frozen": (half_frozen, True),
    "a hook that is a lambda": (hooked, True),
    "a method set on the network": (patched, True),
    "a method of the parent class": (Wrapped, True),
    "constants of torch": (with_constants, True),
    "an object pickled by its name": (with_name, False),
    "an array": (with_array, False),
    "parametrised": (
        lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4))),
        False,
    ),
    "scripted": (lambda: torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU())), False),
    "traced by fx": (
        lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU())),
        False,
    ),
}


@pytest.mark.parametrize(("make", "fast"), NETWORKS.values(), ids=NETWORKS)
def test_copies_equal_the_network_and_share_nothing_with_it(make, fast, monkeypatch):
    slow = []

    def noted(network):
        slow.append(network)
        return copy_network(network)

    monkeypatch.setattr(copying, "copy_network", noted)
    torch.manual_seed(0)
    network = make()
    expected = copy.deepcopy(network)
    again = Copier(network)
    x = torch.randn(2, 4, dtype=next(network.parameters()).dtype)
    copies = again(), again()
    assert len(slow) == (0 if fast else 2)
    for copied in copies:
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


def test_a_pickle_that_cannot_be_read_is_not_tried_again():
    network = nn.Sequential(Loaded(4, 4))
    network.constant = CONSTANT
    again = Copier(network)
    for _ in range(3):
        again()
    assert Loaded.loads == 1 + 3  # one vain try


def test_a_patched_network_scores_the_same_in_company():
    images = torch.randn(4, 4)
    torch.manual_seed(0)
    network = patched()
    (alone,) = rank([network], images, ["grad_norm"], classes=4)["grad_norm"]
    (company,) = rank([network], images, ["grad_norm", "zico"], classes=4)["grad_norm"]
    assert company == alone


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
