"""MeCo against its formula in NumPy, and what it makes of networks of other kinds."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from naswot import NaswotError
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, measure

LAYERS = {
    "convolution": lambda c, d: nn.Conv2d(c, d, 3, padding=1),
    "narrow": lambda c, d: nn.Conv2d(c, d, 1, stride=2),
    "normalisation": lambda c, d: nn.BatchNorm2d(c),
    "activation": lambda c, d: nn.ReLU(inplace=True),
    "pooling": lambda c, d: nn.AvgPool2d(3, stride=1, padding=1),
}


def meco(network, images):
    torch.manual_seed(7)
    labels = torch.zeros(len(images), dtype=torch.int64)
    return measure(network, Batch(images, labels, 2), [FAMILIES["meco"]])["meco"].value


def oracle(chain, images):
    """Pass an image through a chain of layers, and add what NumPy says of each output."""
    torch.manual_seed(7)
    x, total = torch.randn_like(images[:1]), 0.0
    for layer in chain:
        with torch.no_grad():
            x = layer.train()(x.clone())
        channels = x[0].flatten(1).numpy()
        with np.errstate(all="ignore"):
            correlations = np.nan_to_num(np.atleast_2d(np.corrcoef(channels)))
        total += np.linalg.eigvalsh(correlations)[0]
    return total


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6), st.integers(0, 99))
@example(["narrow"] * 4 + ["normalisation"], 0)
def test_it_is_the_formula(names, seed):
    torch.manual_seed(seed)
    channels, chain = 2, []
    for name in names:
        layer = LAYERS[name](channels, channels + 1)
        channels = getattr(layer, "out_channels", channels)
        chain.append(layer.double())
    images = torch.randn(4, 2, 12, 12, dtype=torch.float64)
    nested = nn.Sequential(nn.Sequential(*chain[:2]), nn.Sequential(*chain[2:]))  # counts no layer
    try:
        expected = oracle(chain, images)
    except ValueError:  # of a batch normalisation behind maps of one pixel
        with pytest.raises(NaswotError, match="normalises one value per channel"):
            meco(nested, images)
        return
    assert meco(nested, images) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_few_positions_and_constant_channels_add_nothing():
    images = torch.randn(4, 3, 4, 4)
    wide, narrow = nn.Conv2d(3, 16, 1), nn.Conv2d(3, 2, 1)
    assert meco(nn.Sequential(wide), images) == 0
    assert meco(nn.Sequential(narrow), images) > 0
    with torch.no_grad():
        narrow.weight[0], narrow.bias[0] = 0, 0.1
    assert meco(nn.Sequential(narrow), images) == 0
    assert meco(nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(48, 2)), images) == meco(
        nn.Sequential(nn.Identity()), images
    )


def test_calls_count_and_pixels_do_not():
    layer = nn.ReLU()
    once, twice = nn.Sequential(layer), nn.Sequential(layer, layer)
    images = torch.randn(4, 3, 8, 8)
    assert meco(twice, images) == pytest.approx(2 * meco(once, images))
    assert meco(once, images) == meco(once, images.zero_())


def test_tokens_have_their_channels_last():
    images = torch.randn(4, 20, 3)
    torch.manual_seed(7)
    x = torch.randn_like(images[:1])[0].double().numpy()
    expected = np.linalg.eigvalsh(np.corrcoef(x.T))[0]
    assert meco(nn.Sequential(nn.Identity()), images) == pytest.approx(expected, rel=1e-5)


def test_nan_is_kept():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.fill_(math.nan)
    assert math.isnan(meco(network, torch.randn(4, 3, 8, 8)))


def test_where_it_does_not_apply_it_says_why():
    images = torch.randn(4, 3, 1, 1)
    with pytest.raises(NaswotError, match=r"Sequential normalises one value .* so meco does not"):
        meco(nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)), images)
    scripted = torch.jit.script(nn.Sequential(nn.ReLU()))
    with pytest.raises(NaswotError, match="no module inside that can be seen, so meco does not"):
        meco(scripted, images)
