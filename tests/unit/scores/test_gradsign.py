"""GradSign: the signs of one image's gradients after the other."""

import copy
import math

import numpy as np
import pytest
import torch
from own_networks import Function
from torch import nn

from naswot import NaswotError
from naswot.scores import FAMILIES, gradsign
from naswot.scores.base import Batch, measure
from naswot.spaces import SPACES

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"


def value(network, images, labels=None, classes=3):
    labels = torch.arange(len(images)) % classes if labels is None else labels
    batch = Batch(images, labels, classes)
    return measure(network, batch, [FAMILIES["gradsign"]])["gradsign"].value


def convolutions(inplace=True):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace), nn.Conv2d(4, 5, 3, stride=2),
        nn.BatchNorm2d(5), nn.ReLU(inplace), nn.Flatten(), nn.Linear(20, 3),
    ).double()  # fmt: skip


def perceptron():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 9), nn.ReLU(), nn.Linear(9, 9), nn.Tanh(), nn.Linear(9, 3)
    ).double()


def transformer():
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0, batch_first=True)
    return Function(
        lambda net, x: net.head(net.encoder(net.embed(x).flatten(2).mT).mean(1)),
        embed=nn.Conv2d(3, 8, 2, 2),
        encoder=nn.TransformerEncoder(layer, 2),
        head=nn.Linear(8, 3),
    ).double()


def slow_value(network, images, labels):
    """Return the score, weight by weight, from the definition of cross-entropy."""
    network, signs = copy.deepcopy(network).train(), []
    for image, label in zip(images, labels, strict=True):
        network.zero_grad()
        logits = network(image[None])[0]
        (logits.exp().sum().log() - logits[label]).backward()
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        rows = [layer.weight.grad.flatten().numpy() for layer in layers]
        signs.append(np.sign(np.concatenate(rows)))
    return sum(abs(sum(row[i] for row in signs)) for i in range(len(signs[0])))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [convolutions, perceptron, transformer])
def test_score_is_that_of_its_definition(make, seed, noise):
    torch.manual_seed(seed)
    network, images = make(), noise(5, seed=seed).double()
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, 3, 5))
    assert value(network, images, labels) == slow_value(network, images, labels)


def test_images_agree_with_themselves(noise):
    images = noise(1).double().repeat(6, 1, 1, 1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).double()
    assert value(network, images, torch.ones(6, dtype=torch.int64)) == 6 * 192 * 3


def test_weights_count_whether_they_are_frozen_or_not(noise):
    torch.manual_seed(0)
    network, images = perceptron(), noise(4).double()
    expected = value(network, images)
    assert value(network.requires_grad_(False), images) == expected
    assert not any(p.requires_grad for p in network.parameters())


def test_the_first_images_count(noise, monkeypatch):
    monkeypatch.setattr(gradsign, "IMAGES", 3)
    network, images = perceptron(), noise(5).double()
    assert value(network, images) == value(network, images[:3])
    assert value(network, images) != value(network, images[2:])


def test_a_network_is_not_changed(noise):
    network = convolutions()
    before = copy.deepcopy(network.state_dict())
    value(network, noise().double())
    assert all(torch.equal(before[key], one) for key, one in network.state_dict().items())


def test_a_cell(noise):
    network = SPACES["nasbench201"].build(CELL, 3)
    weights = sum(p.numel() for p in network.parameters() if p.ndim > 1)
    assert 0 < value(network, noise(4, 16)) < 4 * weights


def test_a_constant_output_scores_0(noise):
    assert value(nn.Sequential(perceptron(), nn.Threshold(1e9, 0)), noise().double()) == 0


def test_not_a_number_is_kept(noise):
    images = noise().double()
    images[1] = math.nan
    assert math.isnan(value(convolutions(), images))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.ReLU(), nn.Flatten()), "no convolution or linear layer"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), r"shape \(1, 2\).*shape \(1, 3\)"),
        (Function(lambda net, x: net.a(x).detach(), a=perceptron().float()), "no gradient"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)),
            "normalises one value per channel",
        ),
    ],
)
def test_networks_that_the_score_does_not_apply_to(network, message, noise):
    with pytest.raises(NaswotError, match=message):
        value(network, noise())


def test_other_errors_are_those_of_the_network(noise):
    def fail(net, x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        value(Function(fail, a=nn.Linear(1, 1)), noise())
