"""NEAR: definition, what counts as a layer, networks of any kind."""

import math

import numpy as np
import pytest
import torch
from own_networks import Function
from torch import nn

from naswot import NaswotError
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, measure
from naswot.scores.near import DRAWS, effective_rank, is_layer, sampled_rows
from naswot.spaces import SPACES

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"


def near(net, images, seed=0):
    torch.manual_seed(seed)
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), 3)
    return measure(net, batch, [FAMILIES["near"]])["near"].value


def slow_rank(rows):
    values = np.linalg.svd(np.array(rows))[1]
    return math.exp(-sum(s * math.log(s) for s in values / values.sum() if s > 0))


@pytest.mark.parametrize("seed", range(3))
def test_near_is_that_of_its_definition(seed, noise):
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(6 * 36, 5), nn.GELU()
    ).double()
    images = noise(8, seed=seed).double()
    found = near(net, images, seed)
    torch.manual_seed(seed)
    expected = 0
    for _ in range(DRAWS):
        for layer in (net[0], net[3]):
            layer.reset_parameters()
        x = images
        for layer in net:
            with torch.no_grad():
                x = layer(x.clone())
            if isinstance(layer, nn.Flatten):
                continue
            if x.ndim == 4:
                pixels = [x[b, :, i, j].tolist() for b, i, j in np.ndindex(8, 6, 6)]
            else:
                pixels = x.tolist()
            channels = len(pixels[0])
            start = int(torch.randint(len(pixels) - channels + 1, ()))
            expected += slow_rank(pixels[start : start + channels]) / DRAWS
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(4, 6, 3, 2), (9, 6), (3, 5, 6), (2, 6, 2, 2, 2), (4, 6)])
def test_rows_follow_each_other(shape):
    numbers = torch.arange(math.prod(shape)).reshape(shape)
    channel = 2 if len(shape) == 3 else 1
    rows = numbers.movedim(channel, -1).reshape(-1, 6).tolist()
    starts = set()
    for seed in range(60):
        torch.manual_seed(seed)
        sample = sampled_rows(numbers).tolist()
        starts.add(rows.index(sample[0]))
        assert sample == rows[rows.index(sample[0]) :][: min(6, len(rows))]
        assert len(sample) == min(6, len(rows))
    assert {0, max(len(rows) - 6, 0)} <= starts


def test_effective_rank_is_the_rank_of_even_spectra():
    assert effective_rank(torch.eye(7)) == pytest.approx(7)
    assert effective_rank(torch.ones(7, 4)) == pytest.approx(1)
    assert effective_rank(torch.zeros(7, 4)) == 0
    assert math.isnan(effective_rank(torch.full((2, 2), math.inf)))


def test_layers_have_a_weight_or_are_activations():
    yes = nn.Conv1d(1, 1, 1), nn.BatchNorm2d(1), nn.Embedding(2, 2), nn.SiLU(), nn.Softmax(-1)
    no = nn.BatchNorm2d(1, affine=False), nn.Dropout(), nn.MaxPool2d(2), nn.Sequential(yes[0])
    assert [is_layer(module) for module in (*yes, *no)] == [True] * 5 + [False] * 4


def test_a_cell_a_perceptron_and_a_transformer_have_scores(noise):
    assert near(SPACES["nasbench201"].build(CELL, 3), noise(8, 16)) > 100
    perceptron = nn.Sequential(nn.Flatten(), nn.Linear(192, 30), nn.GELU(), nn.Linear(30, 3))
    assert 2 < near(perceptron, noise(16)) < 16 + 16 + 3
    layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
    body = nn.TransformerEncoder(layer, 2)
    net = Function(lambda n, x: n.body(n.stem(x.flatten(2).mT)), stem=nn.Linear(3, 8), body=body)
    # Each layer: attention, two linear layers, two normalisations; the first linear layer is wider.
    assert 10 < near(net, noise(16)) <= 8 + 2 * (4 * 8 + 16)


def test_degenerate_networks(noise):
    images = noise(8)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 5, bias=False), nn.ReLU())
    assert near(Function(lambda n, x: n.flat(x * 0), flat=flat), images) == 0
    assert near(Function(lambda n, x: n.flat(x) * 0, flat=flat), images) > 0
    assert math.isnan(near(Function(lambda n, x: n.flat(x * math.nan), flat=flat), images))
    with pytest.raises(NaswotError, match="no module with a weight and no activation module"):
        near(nn.Flatten(), images)
