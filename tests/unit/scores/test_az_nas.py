"""The block scores of AZ-NAS: definitions, blocks, and networks without them."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from naswot import NaswotError
from naswot.scores import FAMILIES
from naswot.scores.az_nas import random_signs
from naswot.scores.base import Batch, measure
from naswot.scores.blocks import BlockOutputs, find_blocks
from naswot.spaces import SPACES


class Unit(nn.Module):
    """A block: a convolution and a ReLU."""

    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)

    def forward(self, x):
        return functional.relu(self.conv(x))


class Same(nn.Module):
    """A block that does nothing, times a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor, self.inner = factor, nn.Identity()

    def forward(self, x):
        return self.inner(x) if self.factor == 1 else x * self.factor


def network(*more):
    return nn.Sequential(
        Unit(3, 4), Unit(4, 5, stride=2), Unit(5, 6), *more,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
    ).double()  # fmt: skip


def values(net, images, seed=0):
    torch.manual_seed(seed)
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), 3)
    found = measure(net, batch, [FAMILIES["az_nas"]])
    return [found[name].value for name in FAMILIES["az_nas"].scores]


def slow_entropy(feature):
    rows = [feature[b, :, i, j] for b, _, i, j in np.ndindex(feature.shape) if _ == 0]
    squares = np.linalg.svd(np.array(rows) - np.mean(rows, axis=0))[1] ** 2
    return -sum(p * math.log(p + 1e-8) for p in squares / squares.sum())


def slow_gradient(block, inputs, sent):
    """Return the gradient of ⟨block(inputs), sent⟩ by differences: blocks are piecewise linear."""
    gradient = np.zeros(inputs.shape)
    for position in np.ndindex(inputs.shape):
        step = torch.zeros_like(inputs)
        step[position] = 1e-6
        change = (block(inputs + step) - block(inputs - step)) * sent
        gradient[position] = change.sum().item() / 2e-6
    return gradient


def slow_gain(arrived, sent):
    batch, channels, height, width = sent.shape
    stride = arrived.shape[2] // height
    product = np.zeros((arrived.shape[1] * stride**2, channels))
    for b, i, j in np.ndindex(batch, height, width):
        square = arrived[b, :, stride * i : stride * (i + 1), stride * j : stride * (j + 1)]
        product += np.outer(square.reshape(-1), sent[b, :, i, j])
    return np.linalg.svd(product / (batch * height * width))[1][0]


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_their_definitions(seed, noise):
    images, net = noise(3, 4, seed).double(), network()
    found = values(net, images, seed)
    torch.manual_seed(seed)
    for layer in (net[0].conv, net[1].conv, net[2].conv, net[5]):
        nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.weight[0].numel()))
    features = [torch.randn_like(images)]
    with torch.no_grad():
        for block in net[:3]:
            features.append(block(features[-1]))
    entropies = [slow_entropy(feature.numpy()) for feature in features[1:]]
    gains = []
    for block, before, after in zip(net[1:3], features[1:], features[2:], strict=False):
        sent = random_signs(after)
        with torch.no_grad():
            arrived = slow_gradient(block, before, sent)
        gain = slow_gain(arrived, sent.numpy())
        gains.append(2 - gain - 1 / (gain + 1e-6))
    expected = [sum(entropies), min(np.diff(entropies)), np.mean(gains)]
    assert found == pytest.approx(expected, rel=1e-6)


def test_signs_are_random():
    torch.manual_seed(0)
    signs = random_signs(torch.empty(3, 1001))
    assert set(signs.unique().tolist()) == {-1, 1}
    assert abs(signs.mean()) < 0.1
    assert not torch.equal(signs, random_signs(signs))


def test_blocks_that_do_nothing_have_the_lowest_score(noise):
    images = noise(4, 4).double()
    e, p, t = values(network(Same(1)), images)
    assert (math.isfinite(e), math.isfinite(p), t) == (True, True, -math.inf)
    assert values(network(Same(0)), images) == [-math.inf] * 3
    constant = Same(1)
    constant.forward = lambda x: 0 * x + 0.1
    assert values(network(constant), images)[:2] == [-math.inf] * 2
    assert all(map(math.isnan, values(network(Same(math.nan)), images)[:2]))


def test_a_padded_block_has_a_score(noise):
    images = noise(4, 5).double()  # the second block has 3 pixels a side
    assert all(map(math.isfinite, values(network(), images)))


def test_blocks_of_unlike_sizes_are_noted(noise):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)).double()
    batch = Batch(noise(4).double(), torch.zeros(4, dtype=torch.int64), 3)
    scores = measure(net, batch, [FAMILIES["az_nas"]])
    found = scores["az_trainability"]
    assert math.isnan(found.value)
    assert "sizes that cannot be compared" in found.note
    assert scores["az_expressivity"].note == ""


def test_tokens_have_their_channels_last(noise):
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0, batch_first=True)
    net = nn.Sequential(nn.Linear(3, 8), nn.TransformerEncoder(layer, 4), nn.Linear(8, 3)).double()
    e, _, t = values(net, noise(4, 4).double().flatten(2).mT.contiguous())
    assert 0 < e < 4 * math.log(8)
    assert math.isfinite(t)


@pytest.mark.parametrize(
    ("net", "count"),
    [
        (network(), 3),
        (nn.Sequential(network()), 3),
        (nn.ModuleDict({"body": nn.Sequential(network(), Unit(6, 6)), "head": Unit(6, 3)}), 5),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)), 2),
        (SPACES["nasbench201"].build("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 10), 17),
    ],
)
def test_blocks_are_found_by_structure(net, count):
    assert len(find_blocks(net)) == count


class Residual(Unit):
    """A block that adds to its input in place."""

    def forward(self, x):
        x += 0.5 * super().forward(x.clone())
        return x


def test_a_block_that_changes_its_input_in_place_passes_on_something_else(noise):
    assert all(map(math.isfinite, values(network(Residual(6, 6)), noise(4, 4).double())))


def test_outputs_are_kept_from_changes_in_place(noise):
    net = nn.Sequential(Unit(3, 3), Same(2), Unit(3, 3))
    net[1].forward = lambda x: x.mul_(2)
    with torch.no_grad(), BlockOutputs(net) as blocks:
        net(noise(2, 4))
    first, second, _ = (block.output for block in blocks.calls)
    assert torch.equal(2 * first, second)
    assert not net[0]._forward_hooks


def test_a_network_without_blocks_is_named(noise):
    with pytest.raises(NaswotError, match="has no block, convolution or linear layer"):
        values(nn.Sequential(nn.Flatten(), nn.ReLU()).double(), noise(2).double())
    with pytest.raises(NaswotError, match="has fewer than two blocks"):
        values(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).double(), noise(2).double())
