"""WRCor: correlations of ReLU inputs and their gradients, image by image."""

import copy
import math

import numpy as np
import pytest
import torch
from own_networks import Function
from torch import nn
from torch.nn import functional

from naswot import NaswotError
from naswot.scores import FAMILIES, wrcor
from naswot.scores.base import Batch, measure
from naswot.spaces import SPACES

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def value(network, images):
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), 3)
    return measure(network, batch, [FAMILIES["wrcor"]])["wrcor"].value


class Chain(nn.Module):
    """Layers, ReLUs between them, and numbers of blocks by hand.

    `calls` takes (block, ReLU's input) if it is a list.
    """

    def __init__(self, relu, *layers):
        super().__init__()
        self.relu, self.layers, self.calls = relu, nn.ModuleList(layers), None

    def forward(self, x):
        for block, layer in enumerate(self.layers, 1):
            x = layer(x)
            if block == len(self.layers):
                return x
            if self.calls is not None:
                x.retain_grad()
                self.calls.append((block, x))
                x = 1 * x  # which a ReLU in place may change
            x = self.relu(x)
        return x


def convolutions(relu):
    return Chain(
        relu, nn.Conv2d(3, 4, 3), nn.Sequential(nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5)),
        nn.Conv2d(5, 6, 2, bias=False), nn.Sequential(nn.Flatten(), nn.Linear(54, 3)),
    ).double()  # fmt: skip


def perceptron(relu):
    return Chain(
        relu, nn.Sequential(nn.Flatten(), nn.Linear(192, 9)), nn.Linear(9, 9), nn.Linear(9, 3)
    ).double()


def slow_correlations(x):
    return np.abs(np.corrcoef([row.flatten().detach().numpy() for row in x]))


def slow_value(network, images, largest=20):
    network = copy.deepcopy(network).train()
    network.calls = []
    network(images).sum().backward()
    kernel = np.zeros((len(images), len(images)))
    for block, x in network.calls:
        weight = 2 ** min(block, largest)
        kernel += weight * (slow_correlations(x) + slow_correlations(x.grad))
    return math.log(abs(np.linalg.det(kernel)))


RELUS = {
    "module": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "functional": functional.relu,
    "torch": torch.relu,
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: torch.clamp_(x, min=0),
    "leaky": nn.LeakyReLU(0.1, inplace=True),
    "by position": lambda x: functional.hardtanh(x, 0.0, 6.0, True),
    "channels": lambda x: functional.prelu(x, torch.linspace(0, 1, x.shape[1], dtype=x.dtype)),
    "keyword": lambda x: functional.relu(input=x, inplace=True),
}


@pytest.mark.parametrize("make", [convolutions, perceptron])
@pytest.mark.parametrize("relu", RELUS.values(), ids=RELUS)
def test_score_is_that_of_its_definition(make, relu, noise):
    for seed in range(2):
        torch.manual_seed(seed)
        network, images = make(relu), noise(6, seed=seed).double()
        assert value(network, images) == pytest.approx(slow_value(network, images), rel=1e-9)


def test_float32_is_precise_enough(noise):
    torch.manual_seed(0)
    network, images = convolutions(functional.relu), noise(6)
    expected = slow_value(network, images.double())
    assert value(network.float(), images) == pytest.approx(expected, abs=1e-3)


def test_exponents_have_a_limit(noise, monkeypatch):
    monkeypatch.setattr(wrcor, "LARGEST", 2)
    torch.manual_seed(0)
    network, images = convolutions(functional.relu), noise(6).double()
    assert value(network, images) == pytest.approx(slow_value(network, images, 2), rel=1e-9)


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.b(torch.relu(x)) + self.a(torch.relu(x)) + torch.relu(self.a(x))


def test_relus_that_read_the_same_have_their_own_gradients(noise):
    torch.manual_seed(0)
    cells, images = nn.Sequential(*[Cell() for _ in range(3)]).double(), noise(5).double()
    network = nn.Sequential(nn.ReLU(), cells, nn.ReLU(), nn.Flatten(), nn.Linear(192, 3)).double()
    calls = []

    def relu(block, x):
        read = 1 * x
        read.retain_grad()
        calls.append((block, read))
        return read.relu()

    x = relu(0, images.clone().requires_grad_())
    for block, cell in enumerate(cells, 1):
        x = cell.b(relu(block, x)) + cell.a(relu(block, x)) + relu(block, cell.a(x))
    network[4](relu(3, x).flatten(1)).sum().backward()
    kernel = sum(2**i * (slow_correlations(x) + slow_correlations(x.grad)) for i, x in calls)
    expected = math.log(abs(np.linalg.det(kernel)))
    assert value(network, images) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "aside",
    [
        lambda x: torch.relu(0 * x + 0.3),  # constant rows, but for rounding
        lambda x: 0 * torch.relu(x),
        lambda x: torch.relu(x).detach(),
        lambda x: torch.relu(x[0, 0].detach().clone().repeat(len(x), 1, 1)).mean(),
    ],
    ids=["constant", "times 0", "detached", "not of the images"],
)
def test_relus_that_say_nothing_add_nothing(aside, noise):
    torch.manual_seed(0)
    plain, images = convolutions(functional.relu), noise(6).double()
    network = Function(lambda net, x: net.body(x) + aside(x).mean(), body=plain)
    bare = Function(lambda net, x: net.body(x), body=plain)
    assert value(network, images) == pytest.approx(value(bare, images), rel=1e-9)


def test_windows_belong_to_their_image(noise):
    torch.manual_seed(0)
    linear, head = nn.Linear(24, 7).double(), nn.Linear(56, 3).double()
    images = noise(6).double()

    def windows(net, x):
        x = net.linear(x.transpose(1, 2).reshape(len(x) * 8, 24)).relu()
        return net.head(x.reshape(-1, 56))

    def rows(net, x):
        return net.head(net.linear(x.transpose(1, 2).flatten(2)).relu().flatten(1))

    first, second = (value(Function(f, linear=linear, head=head), images) for f in (windows, rows))
    assert first == pytest.approx(second, rel=1e-9)


def test_a_transformer(noise):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0, batch_first=True)
    network = Function(
        lambda net, x: net.head(net.encoder(net.embed(x).flatten(2).mT).mean(1)),
        embed=nn.Conv2d(3, 8, 2, 2),
        encoder=nn.TransformerEncoder(layer, 3),
        head=nn.Linear(8, 3),
    )
    assert math.isfinite(value(network, noise(6)))


def test_cells(noise):
    build = SPACES["nasbench201"].build
    assert math.isfinite(value(build(CELL, 3), noise(6, 16)))
    assert value(build(NOTHING, 3), noise(6, 16)) == -math.inf


def test_a_constant_output_has_the_lowest_score(noise):
    body, images = convolutions(functional.relu), noise().double()
    assert value(nn.Sequential(body, nn.Threshold(1e9, 0)), images) == -math.inf
    assert value(Function(lambda net, x: net.body(x).detach(), body=body), images) == -math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_a_number_is_kept(bad, noise):
    images = noise().double()
    images[1] = bad
    assert math.isnan(value(convolutions(functional.relu), images))


def test_a_network_is_not_changed(noise):
    network, images = convolutions(nn.ReLU(inplace=True)), noise().double()
    before = copy.deepcopy(network.state_dict())
    value(network, images)
    assert all(torch.equal(before[key], one) for key, one in network.state_dict().items())
    assert torch.equal(images, noise().double())
    assert not images.requires_grad


@pytest.mark.parametrize(
    ("network", "count", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), 4, "calls no ReLU"),
        (Function(lambda net, x: x.flatten(1).mT.relu().mT), 5, "calls no ReLU"),
        (nn.Sequential(nn.ReLU(), nn.Flatten()), 1, "one image is not enough"),
    ],
)
def test_networks_that_the_score_does_not_apply_to(network, count, message, noise):
    with pytest.raises(NaswotError, match=message):
        value(network, noise(count))


def test_a_network_that_needs_contiguous_maps_is_read_once(noise):
    """Its first forward pass, channels-last, fails on the way and leaves nothing behind."""

    def network(flat):
        torch.manual_seed(0)
        head = Function(lambda head, x: head.layer(flat(x)), layer=nn.Linear(54, 3))
        return Chain(
            nn.ReLU(), nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3), nn.Conv2d(5, 6, 2), head
        ).double()  # fmt: skip

    images = noise(5).double()
    viewed = network(lambda x: x.view(len(x), -1))
    assert value(viewed, images) == pytest.approx(slow_value(viewed, images), rel=1e-9)
    assert value(viewed, images) == value(network(lambda x: x.flatten(1)), images)
