"""VKDNW: the Fisher matrix entry by entry, and networks whose modules hide their parameters."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from own_networks import Function
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from naswot import NaswotError
from naswot.scores import FAMILIES, vkdnw
from naswot.scores.base import Batch, measure
from naswot.spaces import SPACES

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def values(network, images, seed=0):
    torch.manual_seed(seed)
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), 3)
    found = measure(network, batch, [FAMILIES["vkdnw"]])
    return [found[name].value for name in FAMILIES["vkdnw"].scores]


def slow_values(network, shape, seed, count=16, most=128):
    """Return both scores from the Jacobian of one image after the other, in NumPy."""
    network = copy.deepcopy(network).double().eval()
    parameters = dict(network.named_parameters())
    torch.manual_seed(seed)
    images = torch.randn(count, *shape, dtype=torch.float64)
    names, chosen = list(parameters), min(most, len(parameters))
    names = [names[i * len(names) // chosen] for i in range(chosen)]
    places = [int(torch.randint(parameters[name].numel(), ())) for name in names]
    fisher = np.zeros((chosen, chosen))
    for image in images:

        def logits(*weights, image=image):
            own = parameters | dict(zip(names, weights, strict=True))
            return functional_call(network, own, (image[None],))[0]

        weights = tuple(parameters[name].detach() for name in names)
        whole = torch.autograd.functional.jacobian(logits, weights)
        parts = zip(whole, places, strict=True)
        jacobian = torch.stack([part.flatten(1)[:, place] for part, place in parts], 1).numpy()
        p = 0.95 * logits(*weights).softmax(0).detach().numpy() + 0.05 / len(jacobian)
        for c, d in np.ndindex(len(p), len(p)):
            curvature = p[c] * (c == d) - p[c] * p[d]
            fisher += curvature * np.outer(jacobian[c], jacobian[d]) / count
    deciles = np.quantile(np.linalg.svd(fisher)[1], np.arange(1, 10) / 10)
    entropy = -sum(q * math.log(q) for q in deciles / deciles.sum() if q > 0)
    return [len(parameters) + entropy, entropy]


def convolutions():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip


def perceptron(width=3):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 9), nn.ReLU(), nn.Linear(9, 9), nn.Tanh(), nn.Linear(9, width)
    )


def transformer():
    def forward(net, x):
        return net.head(net.encoder(net.embed(x).flatten(2).mT + net.positions).mean(1))

    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
    network = Function(
        forward,
        embed=nn.Conv2d(3, 8, 2, 2),
        encoder=nn.TransformerEncoder(layer, 2),
        head=nn.Linear(8, 3),
    )
    network.positions = nn.Parameter(torch.randn(1, 16, 8) / 10)
    return network


def twice():
    """Return a network that calls one module twice."""
    shared = nn.Linear(9, 9)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 9), shared, nn.Tanh(), shared, nn.Linear(9, 3)
    )


def tied():
    """Return a network that also reads a module's weight from outside."""
    return Function(
        lambda net, x: net.b(functional.linear(net.a(x.flatten(1)).tanh(), net.a.weight.mT)),
        a=nn.Linear(192, 9),
        b=nn.Linear(192, 3),
    )


def by_view():
    """Return a network that cannot be computed channels-last."""
    return Function(
        lambda net, x: net.b(net.a(x).relu().view(len(x), -1)),
        a=nn.Conv2d(3, 4, 3),
        b=nn.Linear(144, 3),
    )


def checkpointed():
    """Return a network that computes a part anew in the backward pass."""

    def forward(net, x):
        return net.b(checkpoint(net.a, x, use_reentrant=False).flatten(1))

    part = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU())
    return Function(forward, a=part, b=nn.Linear(144, 3))


def rows_first(rows):
    """Return a network one of whose modules sees (rows, B, C)."""
    return Function(
        lambda net, x: net.b(net.a(x.mean((1, 3)).mT[:rows, :, None]).tanh().mean(0)),
        a=nn.Linear(1, 9),
        b=nn.Linear(9, 3),
    )


@pytest.fixture
def logits_apart(monkeypatch):
    """Return the numbers of entries that took a backward pass for each logit."""
    numbers, original = [], vkdnw.by_logit

    def counting(network, images, entries):
        numbers.append(len(entries))
        return original(network, images, entries)

    monkeypatch.setattr(vkdnw, "by_logit", counting)
    return numbers


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "make", [convolutions, perceptron, transformer, twice, by_view, checkpointed]
)
def test_scores_are_those_of_their_definitions(make, seed, noise, logits_apart):
    torch.manual_seed(10 + seed)
    network = make().double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    found = values(network, noise().double(), seed)
    assert found == pytest.approx(slow_values(network, (3, 8, 8), seed), rel=1e-6)
    assert not logits_apart


@pytest.mark.parametrize("make", [tied, lambda: rows_first(16)], ids=["tied", "rows"])
def test_what_modules_hide_takes_a_pass_for_each_logit(make, noise, logits_apart):
    torch.manual_seed(1)
    network, size = make().double(), 16 if make is not tied else 8
    found = values(network, noise(4, size).double())
    assert found == pytest.approx(slow_values(network, (3, size, size), 0), rel=1e-6)
    assert len(logits_apart) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_modules_take_a_pass_for_each_logit(noise, logits_apart):
    torch.manual_seed(1)
    network = perceptron().double()
    expected = values(network, noise().double())
    assert not logits_apart
    scripted = torch.jit.script(network)
    assert values(scripted, noise().double()) == pytest.approx(expected, rel=1e-9)
    assert logits_apart == [6]


def test_a_module_around_stands_for_one_without_the_mini_batch(noise, logits_apart):
    torch.manual_seed(1)
    network = rows_first(8).double()
    found = values(network, noise().double())
    assert found == pytest.approx(slow_values(network, (3, 8, 8), 0), rel=1e-6)
    assert not logits_apart


def test_of_many_tensors_some_are_taken(noise, monkeypatch):
    monkeypatch.setattr(vkdnw, "TENSORS", 4)
    torch.manual_seed(1)
    network = perceptron().double()
    found = values(network, noise().double())
    assert found == pytest.approx(slow_values(network, (3, 8, 8), 0, most=4), rel=1e-6)


@pytest.mark.parametrize(("classes", "count"), [(20, 8), (100, 2)])
def test_many_classes_take_fewer_images(classes, count, noise):
    torch.manual_seed(1)
    network = perceptron(classes).double()
    expected = slow_values(network, (3, 8, 8), 0, count)
    assert values(network, noise().double()) == pytest.approx(expected, rel=1e-6)


def test_float32_is_precise_enough(noise):
    for make, seed in itertools.product([convolutions, transformer], range(2)):
        torch.manual_seed(seed)
        network = make()
        found, wide = values(network, noise()), jacobian_entropy(network)
        assert found[1] == pytest.approx(wide, rel=1e-3)


def jacobian_entropy(network):
    """Return the entropy in float64 for the entries and images that float32 draws."""
    torch.manual_seed(0)
    network = copy.deepcopy(network).double().eval()
    images = torch.randn(16, 3, 8, 8).double()
    entries = vkdnw.draw_entries(list(network.parameters()))
    found, logits = vkdnw.jacobians(network, images, entries)
    return vkdnw.entropy(found, logits.detach())


def test_only_the_shape_of_images_counts(noise):
    network = convolutions()
    assert values(network, noise(seed=1)) == values(network, noise(seed=2))


def test_a_network_is_not_changed(noise):
    network = convolutions()
    before = copy.deepcopy(network.state_dict())
    values(network, noise())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(p.requires_grad for p in network.parameters())


def test_a_cell(noise):
    network = SPACES["nasbench201"].build(CELL, 10)
    both, entropy = values(network, noise(4, 16))
    assert 0 <= entropy <= math.log(9)
    assert both == len(list(network.parameters())) + entropy


def test_a_constant_output_has_the_lowest_score(noise):
    constant = nn.Sequential(convolutions(), nn.Threshold(1e9, 0))
    detached = Function(lambda net, x: net.body(x).detach(), body=convolutions())
    for network in (constant, detached):
        assert values(network, noise()) == [-math.inf] * 2


def test_a_last_bias_alone_leaves_all_deciles_0(noise):
    assert values(SPACES["nasbench201"].build(NOTHING, 10), noise()) == [-math.inf] * 2


def test_not_a_number_is_kept(noise):
    network = convolutions()
    network[3].weight.data[0] = math.nan
    assert all(map(math.isnan, values(network, noise())))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.ReLU(), nn.Flatten()), "has no parameter"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 1)), "has one output"),
        (Function(lambda net, x: None, a=nn.Linear(1, 1)), "no tensor of floats"),
    ],
)
def test_networks_that_the_score_does_not_apply_to(network, message, noise):
    with pytest.raises(NaswotError, match=message):
        values(network, noise())
