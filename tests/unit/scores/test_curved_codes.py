"""naswot for any activation: definition, agreement with naswot, which activations count."""

import math

import numpy as np
import pytest
import torch
from own_networks import Function, MobileNetLike, ResNet
from torch import nn
from torch.nn import functional

import naswot
from naswot import NaswotError
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, measure
from naswot.spaces import SPACES

# The second cell has ReLUs that no path uses.
CELLS = (
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|",
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|none~2|",
)
CURVED = (
    functional.gelu, functional.silu, functional.mish, functional.elu, functional.selu,
    functional.celu, functional.softplus, functional.hardswish, functional.hardtanh,
    functional.logsigmoid, torch.tanh, torch.sigmoid, torch.Tensor.sigmoid_, torch.Tensor.tanh,
    nn.GELU(), nn.GELU("tanh"), nn.SiLU(inplace=True), nn.ELU(2.0, inplace=True), nn.Mish(),
    nn.Tanh(), nn.Hardsigmoid(), nn.LeakyReLU(), nn.PReLU().double(), nn.ReLU6(), nn.Tanhshrink(),
    lambda x: x * torch.sigmoid(1.702 * x),
    lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2,
    lambda x: functional.relu(x).square(),
    torch.jit.script(nn.SiLU()),
)  # fmt: skip


def scored(net, images, seed=0):
    torch.manual_seed(seed)
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), 3)
    return measure(net, batch, [FAMILIES["curved_codes"]])["activation_codes"]


def value(net, images, seed=0):
    return scored(net, images, seed).value


def slow_score(codes):
    """Return ln |det K_H| of codes, a row an image, entry by entry."""
    kernel = [
        [sum(a == b for a, b in zip(one, two, strict=True)) for two in codes] for one in codes
    ]
    return np.linalg.slogdet(np.array(kernel, dtype=float))[1]


def perceptron(activation, width=30):
    torch.manual_seed(1)
    return Function(
        lambda net, x: net.head(activation(net.stem(x.flatten(1)))),
        stem=nn.Linear(192, width), head=nn.Linear(width, 3),
    ).double()  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_activation_codes_are_those_of_their_definition(seed, noise):
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU(), nn.Conv2d(4, 5, 3), nn.SiLU(inplace=True),
        nn.Flatten(), nn.Linear(80, 7), nn.ReLU(), nn.Linear(7, 3),
    ).double()  # fmt: skip
    images = noise(6, seed=seed).double()
    codes = [[] for _ in images]
    x = images
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.GELU | nn.SiLU | nn.ReLU):
                for code, image in zip(codes, x, strict=True):
                    code += [unit > 0 for unit in image.flatten().tolist()]
            x = layer(x)
    assert value(net, images) == pytest.approx(slow_score(codes), rel=1e-10)


@pytest.mark.parametrize("number", range(len(CURVED)))
def test_every_activation_counts_once(number, noise):
    images = noise(8).double()
    expected = value(perceptron(torch.relu), images)
    assert math.isfinite(expected)
    assert value(perceptron(CURVED[number]), images) == expected


@pytest.mark.parametrize(
    "build",
    [
        *(lambda cell=cell: SPACES["nasbench201"].build(cell, 3) for cell in CELLS),
        ResNet,
        MobileNetLike,
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 40), nn.ReLU(), nn.Linear(40, 3)),
    ],
)
def test_a_network_of_relus_has_its_naswot_score(build, noise):
    torch.manual_seed(0)
    net, images = build(), noise(8, 16)
    torch.manual_seed(0)  # of dropout
    expected = naswot.score(net, images).value
    assert math.isfinite(expected)
    assert value(net, images) == pytest.approx(expected, rel=1e-4)


def test_curved_activations_add_to_relus(noise):
    images = noise(8).double()
    net = perceptron(lambda x: torch.cat([x[:, :10].relu(), functional.gelu(x[:, 10:])], 1))
    assert value(net, images) == pytest.approx(value(perceptron(torch.relu), images))
    assert naswot.score(net, images).value < value(net, images)


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_transformer_has_a_score(batch_first, noise):
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0, activation="gelu", batch_first=batch_first
    )
    torch.manual_seed(0)
    stem, body = nn.Linear(3, 8), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(net, x):
        x = net.stem(x.flatten(2).mT)
        return net.body(x).sum(1) if batch_first else net.body(x.transpose(0, 1)).sum(0)

    images = noise(8).double()
    inputs = [[] for _ in images]

    def keep(_module, _inputs, output):
        for number in range(8):
            inputs[number] += (output.select(0 if batch_first else 1, number) > 0).flatten()

    net = Function(forward, stem=stem, body=body).double()
    found = value(net, images)
    for block in body.layers:
        block.linear1.register_forward_hook(keep)
    net(images)
    assert found == pytest.approx(slow_score(inputs), rel=1e-10)


def test_windows_of_an_image_are_its_units(noise):
    def windows(x):
        return (
            functional.gelu(x.unflatten(1, (6, 5)).flatten(0, 1)).unflatten(0, (-1, 6)).flatten(1)
        )

    images = noise(8).double()
    assert value(perceptron(windows), images) == value(perceptron(torch.relu), images)


def test_images_that_cannot_be_told_apart_are_an_error(noise):
    def mix(x):
        return functional.gelu(x.sum(0, keepdim=True)).expand(len(x), -1)

    with pytest.raises(NaswotError, match=r"input of shape \(1, 30\).* the 8 images .*multiple"):
        value(perceptron(mix), noise(8).double())


def test_degenerate_networks(noise):
    images = noise(8).double()
    unused = perceptron(functional.gelu)
    constant = Function(lambda n, x: (n.net(x), torch.ones(len(x), 3))[1], net=unused)
    found = scored(constant, images)
    assert (found.value, found.note[:37]) == (-math.inf, "the output depends on no activation, ")
    assert value(unused, images[:1].expand(8, -1, -1, -1)) == -math.inf
    assert value(perceptron(lambda x: functional.gelu(x * 0)), images) == -math.inf
    assert math.isnan(value(perceptron(lambda x: functional.gelu(x) * math.nan), images))
    with pytest.raises(NaswotError, match="calls no activation"):
        value(perceptron(lambda x: x), images)
    tables = Function(lambda n, x: x.flatten(1) + functional.gelu(n.table))
    tables.table = nn.Parameter(torch.ones(1))
    with pytest.raises(NaswotError, match="that depend on the images"):
        value(tables, images)
