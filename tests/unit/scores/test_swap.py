"""The SWAP-score: definition, draws, networks of any kind."""

import math

import pytest
import torch
from own_networks import Function
from torch import nn
from torch.nn import functional

from naswot import NaswotError
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, measure
from naswot.scores.swap import DRAWS, IMAGES, MU, SIGMA, shown_patterns
from naswot.spaces import SPACES

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"


def values(net, images, seed=0):
    torch.manual_seed(seed)
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), 3)
    return [result.value for result in measure(net, batch, [FAMILIES["swap"]]).values()]


def network(first, second):
    """Return a network in float64 and without biases."""
    layers = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4 * 36, 9, False), nn.Linear(9, 2, False)

    def forward(net, x):
        return net.head(second(net.middle(first(net.stem(x)).flatten(1))))

    return Function(forward, stem=layers[0], middle=layers[1], head=layers[2]).double()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (functional.relu, torch.relu),
        (functional.gelu, functional.silu),
        (nn.ELU(), functional.mish),
        (functional.hardswish, torch.tanh),
    ],
)
def test_swap_is_that_of_its_definition(first, second, seed, noise):
    images, net = noise(20, seed=seed).double(), network(first, second)
    found = values(net, images, seed)
    torch.manual_seed(seed)
    counts = []
    for _ in range(DRAWS):
        for layer in (net.stem, net.middle, net.head):
            nn.init.normal_(layer.weight)
        rows = []
        with torch.no_grad():
            for image in images[:IMAGES]:
                x = first(net.stem(image[None]))
                rows.append([*x.flatten().tolist(), *second(net.middle(x.flatten(1)))[0].tolist()])
        columns = zip(*rows, strict=True)
        counts.append(len({tuple(unit > 0 for unit in column) for column in columns}))
    swap = sum(counts) / DRAWS
    k = (3 * 4 * 9 + 4 * 36 * 9 + 9 * 2) / 1000
    assert found == pytest.approx([swap, swap * math.exp(-((k - MU) ** 2) / SIGMA)])


def test_patterns_are_numbered_by_images():
    codes = torch.tensor([[0, 1, 1, 0], [0, 0, 1, 0], [0, 1, 1, 1]], dtype=torch.int8)
    assert shown_patterns(codes).nonzero().flatten().tolist() == [0, 4, 5, 7]


def test_units_of_sixteen_images_can_show_all_patterns():
    numbers = torch.arange(2**IMAGES)
    codes = torch.stack([numbers >> image & 1 for image in range(IMAGES)]).to(torch.int8)
    assert shown_patterns(codes).all()
    assert shown_patterns(codes[:, [0, 5, 65_535, 5]]).sum() == 3


def test_only_what_the_output_depends_on_counts(noise):
    more = network(torch.relu, torch.relu)
    forward = more.function

    def without(net, x):
        net.middle(torch.tanh(net.stem(x) - 1).flatten(1)).sigmoid()
        return forward(net, x)

    images = noise(16).double()
    expected = values(more, images)
    more.function = without
    assert values(more, images) == expected


def test_a_cell_a_perceptron_and_a_transformer_have_scores(noise):
    cell = SPACES["nasbench201"].build(CELL, 3)
    assert 1000 < values(cell, noise(16, 16))[0] <= 2**16
    perceptron = nn.Sequential(nn.Flatten(), nn.Linear(192, 30), nn.GELU(), nn.Linear(30, 3))
    assert values(perceptron, noise(16))[0] <= 30
    layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
    body = nn.TransformerEncoder(layer, 2)
    net = Function(lambda n, x: n.body(n.stem(x.flatten(2).mT)), stem=nn.Linear(3, 8), body=body)
    assert 1000 < values(net, noise(16))[0] <= 2 * 16 * 64


def test_degenerate_networks(noise):
    images = noise(16)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.ReLU())
    constant = Function(lambda n, x: (n.flat(x), torch.ones(len(x), 3))[1], flat=flat)
    assert values(constant, images) == [0, 0]
    broken = Function(lambda n, x: n.flat(x) * math.nan, flat=flat)
    assert all(map(math.isnan, values(broken, images)))
    same = images[:1].expand(16, -1, -1, -1)
    assert values(flat, same)[0] <= 2
    with pytest.raises(NaswotError, match="calls no activation"):
        values(nn.Flatten(), images)
