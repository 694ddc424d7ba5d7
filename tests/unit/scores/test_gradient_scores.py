"""Scores of gradients, GraSP and SynFlow, beside slow oracles that follow the definitions."""

import copy
import dataclasses
import gc
import itertools
import math
import weakref

import numpy as np
import published_scores
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils import parametrizations

from naswot import NaswotError
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, measure
from naswot.scores.passes import TrainPass
from naswot.spaces import SPACES

CLASSES = 3
OURS = ("gradients", "weights", "grasp", "synflow")
IMAGES = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 3, 6, 6)))


def make_batch(images):
    """Return a batch of `images` (B, …) and labels that go round the classes."""
    return Batch(images, torch.arange(len(images)) % CLASSES, CLASSES)


def values(network, batch, *families):
    """Return score → value of `families`, by default all that are tested here."""
    found = measure(network, batch, [FAMILIES[name] for name in families or OURS])
    return {name: score.value for name, score in found.items()}


def close(value):
    return pytest.approx(value, rel=1e-9, abs=1e-13)


@st.composite
def networks(draw):
    """Draw a small float64 network with ReLUs in place, and the same one with plain ReLUs."""
    torch.manual_seed(draw(st.integers(0, 2**32 - 1)))
    groups = draw(st.sampled_from([1, 2, 4]))
    normalised, bias = draw(st.booleans()), draw(st.booleans())
    layers = []
    for c_in, c_out, convolution in [(3, 4, {}), (4, 8, {"groups": groups, "stride": 2})]:
        layers.append(nn.Conv2d(c_in, c_out, 3, padding=1, bias=bias, **convolution))
        layers += [nn.BatchNorm2d(c_out)] * normalised
        layers.append(nn.ReLU(inplace=True))
    layers += [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES)]
    network = nn.Sequential(*layers).double()
    plain = copy.deepcopy(network)
    for module in plain.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network, plain


def weighted(network):
    """Return the layers of a sequence that have weights."""
    return [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]


@pytest.fixture
def images(noise):
    return noise(5, 6).double()


@pytest.fixture
def small():
    """Return a float32 network with batch normalisation, a ReLU in place and dropout."""
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.3),
        nn.Flatten(), nn.Linear(64, CLASSES),
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(networks())
def test_scores_of_one_gradient_equal_their_definitions(drawn):
    network, plain = drawn
    batch = make_batch(IMAGES)
    x, outputs = batch.images, []
    for layer in plain.train():
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            x.retain_grad()
            outputs.append(x)
    log_probabilities = x.log_softmax(1)
    loss = -sum(log_probabilities[i, y] for i, y in enumerate(batch.labels)) / len(x)
    loss.backward()
    pairs = [
        (w, g)
        for layer in weighted(plain)
        for w, g in zip(layer.weight.flatten(), layer.weight.grad.flatten(), strict=True)
    ]
    fisher = 0.0
    for output in outputs:
        for channel in range(output.shape[1]):
            sums = [
                (one[channel] * gradient[channel]).sum().item()
                for one, gradient in zip(output, output.grad, strict=True)
            ]
            fisher += sum(value**2 for value in sums) / len(sums) / 2
    assert values(network, batch, "gradients", "weights") == close(
        {
            "grad_norm": sum(
                layer.weight.grad.square().sum().sqrt().item() for layer in weighted(plain)
            ),
            "snip": sum(abs(w * g).item() for w, g in pairs),
            "fisher": fisher,
            "plain": sum((w * g).item() for w, g in pairs),
            "l2_norm": sum(layer.weight.square().sum().sqrt().item() for layer in weighted(plain)),
        }
    )


@settings(max_examples=15, deadline=None)
@given(networks())
def test_grasp_equals_a_hessian_vector_product(drawn):
    network, plain = drawn
    batch = make_batch(IMAGES)
    names = [name for name, p in plain.named_parameters() if p.ndim > 1]
    weights = tuple(plain.get_parameter(name).detach() for name in names)

    def loss(*weights):
        logits = functional_call(
            plain.train(), dict(zip(names, weights, strict=True)), batch.images
        )
        return functional.cross_entropy(logits, batch.labels)

    gradient = torch.autograd.functional.jacobian(loss, weights)
    _, product = torch.autograd.functional.hvp(loss, weights, gradient)
    expected = -sum((w * p).sum().item() for w, p in zip(weights, product, strict=True))
    assert values(network, batch, "grasp")["grasp"] == close(expected)


def path_sum(layers):
    """Return SynFlow of linear layers by enumerating all paths from input or bias to output."""
    weights = [layer.weight.detach().double().abs().numpy() for layer in layers]
    biases = [layer.bias.detach().double().abs().numpy() for layer in layers]
    total = 0.0
    for start in range(len(layers) + 1):  # from the input, or from the bias of layer start − 1
        widths = [weights[0].shape[1]] + [len(bias) for bias in biases]
        for path in itertools.product(*[range(width) for width in widths[start:]]):
            flow = biases[start - 1][path[0]] if start else 1.0
            for weight, source, target in zip(weights[start:], path, path[1:], strict=False):
                flow *= weight[target, source]
            total += flow * (len(layers) - start)  # once for each weight on the path
    return total


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_synflow_is_the_sum_over_paths(seed, widths):
    torch.manual_seed(seed)
    layers = [nn.Linear(c_in, c_out) for c_in, c_out in itertools.pairwise([*widths, CLASSES])]
    network = nn.Sequential(*[m for layer in layers for m in (layer, nn.ReLU(inplace=True))])
    found = values(network, make_batch(torch.randn(2, widths[0])), "synflow")
    assert found["synflow"] == pytest.approx(path_sum(layers), rel=1e-5)
    assert found["log_synflow"] == pytest.approx(math.log(path_sum(layers)), abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(networks())
def test_synflow_of_convolutions_leaves_batch_normalisation_out(drawn):
    network, plain = drawn
    layers = [layer for layer in plain if not isinstance(layer, nn.BatchNorm2d)]
    bare = nn.Sequential(*layers)
    for parameter in bare.parameters():
        parameter.data = parameter.data.abs()
    bare(torch.ones(1, 3, 6, 6, dtype=torch.float64)).sum().backward()
    expected = sum((layer.weight * layer.weight.grad).sum().item() for layer in weighted(bare))
    assert values(network, make_batch(IMAGES), "synflow")["synflow"] == close(expected)


def scaled(factor):
    """Return four linear layers of weights of about `factor`."""
    torch.manual_seed(0)
    layers = [nn.Linear(3, 3) for _ in range(4)]
    for layer in layers:
        layer.weight.data *= factor
        layer.bias.data.zero_()
    return nn.Sequential(*layers)


@pytest.mark.parametrize("factor", [1e15, 1e-15])
def test_synflow_beyond_float32_is_computed_in_float64(factor):
    network = scaled(factor)
    found = values(network, make_batch(torch.randn(2, 3)), "synflow")["synflow"]
    assert found == pytest.approx(path_sum(network), rel=1e-12)


@pytest.mark.parametrize(
    ("network", "expected", "logarithm"),
    [
        (scaled(0), 0, -math.inf),
        (scaled(math.nan), math.nan, math.nan),
        # its weights are finite in float32, their flow is not in float64
        (nn.Sequential(*[layer for _ in range(3) for layer in scaled(1e38)]), math.inf, math.inf),
    ],
    ids=["nothing", "nan", "inf"],
)
def test_synflow_keeps_extremes(network, expected, logarithm):
    found = values(network, make_batch(torch.randn(2, 3)), "synflow")
    assert found == pytest.approx({"synflow": expected, "log_synflow": logarithm}, nan_ok=True)


def test_not_a_number_is_kept(small, noise):
    batch = make_batch(noise(6, 6))
    batch.images[0] = torch.nan
    found = values(small, batch, "gradients", "weights", "grasp")
    assert np.isfinite(found.pop("l2_norm"))
    assert all(math.isnan(value) for value in found.values())


def test_infinity_is_kept(images):
    network = nn.Sequential(nn.Flatten(), nn.Linear(108, CLASSES))
    network[1].weight.data[0, 0] = math.inf
    found = values(network, make_batch(images), "gradients", "weights", "synflow")
    assert found["l2_norm"] == math.inf
    assert math.isnan(found["snip"])
    assert not math.isfinite(found["synflow"])


def test_scores_do_not_depend_on_the_others(small, noise):
    batch = make_batch(noise(6, 6))
    torch.manual_seed(5)
    expected = {}
    for family in OURS:
        torch.manual_seed(5)
        expected |= values(small, batch, family)
    for order in itertools.permutations(OURS):
        torch.manual_seed(5)
        assert values(small, batch, *order) == expected
    torch.manual_seed(5)
    built = values(lambda: small, batch)
    assert built == expected
    assert all(type(value) is float for value in built.values())


def residual():
    """Return a network of NAS-Bench-201, whose cells hold what layers returned for longer."""
    cell = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
    return SPACES["nasbench201"].build(cell, CLASSES)


def in_place():
    """Return a network whose ReLUs, without batch normalisation, write to what layers returned."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.ConvTranspose2d(4, 4, 3),
        nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES),
    )  # fmt: skip


def dropping():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip


def two_headed():
    return Heads(dropping(), lambda y, z: {"logits": y, "aux": [z]})


@pytest.mark.parametrize("make", [residual, in_place, dropping, two_headed])
def test_every_family_together_equals_alone(make, noise):
    torch.manual_seed(0)
    network, batch = make(), make_batch(noise(6, 6))
    orders = [list(FAMILIES), list(reversed(FAMILIES)), ["jacobian", "grasp"], ["grasp", "size"]]
    alone = {}
    for family in FAMILIES:
        torch.manual_seed(5)
        alone |= values(network, batch, family)
    for order in orders:
        torch.manual_seed(5)
        found = values(network, batch, *order)
        assert list(found) == [score for name in order for score in FAMILIES[name].scores]
        assert found == pytest.approx({name: alone[name] for name in found}, rel=1e-9, nan_ok=True)


def test_families_share_one_forward_pass(small, noise):
    calls = []
    small[0].register_forward_hook(lambda *_: calls.append(1))
    batch = make_batch(noise(4, 6))
    values(small, batch, "gradients", "grasp", "jacobian")
    assert len(calls) == 1
    values(small, batch, "jacobian", "zico", "gradients")
    assert len(calls) == 1 + 1 + 2


def test_the_shared_pass_is_freed_with_its_last_reference(small, noise):
    batch = make_batch(noise(4, 6))
    needs = ("images", "outputs", "curvature")
    gc.disable()
    try:
        seen = TrainPass(small, batch.images, batch.labels, CLASSES, needs)
        assert all(g.requires_grad for g in seen.gradients)
        gone = weakref.ref(seen)
        del seen
        assert gone() is None
    finally:
        gc.enable()


def test_network_and_images_stay_the_callers(noise):
    network = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(108, CLASSES)).eval()
    network.requires_grad_(False)
    batch = make_batch(noise(4, 6))
    images, weights = batch.images.clone(), copy.deepcopy(network.state_dict())
    values(network, batch)
    assert torch.equal(batch.images, images)
    after = network.state_dict()
    assert all(torch.equal(weights[name], after[name]) for name in weights)
    assert not any(module.training or module._forward_hooks for module in network.modules())
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())


def test_frozen_weights_and_the_callers_mode_do_not_matter(small, noise):
    batch = make_batch(noise(4, 6))
    small[3].p = 0.0
    expected = values(small, batch)
    with torch.no_grad():
        assert values(copy.deepcopy(small).eval().requires_grad_(False), batch) == expected
    with torch.inference_mode():
        batch = make_batch(noise(4, 6))
    assert values(small, batch) == expected


class Heads(nn.Module):
    """A network with an auxiliary head, as one of several kinds of output."""

    def __init__(self, trunk, nest):
        super().__init__()
        self.trunk, self.nest, self.auxiliary = trunk, nest, nn.Linear(108, 7)

    def forward(self, x):
        return self.nest(self.trunk(x), self.auxiliary(x.flatten(1)))


@pytest.mark.parametrize(
    "nest", [lambda y, z: (y, z), lambda y, z: {"logits": y, "aux": [z]}, lambda y, z: [[y], z]]
)
def test_the_first_tensor_holds_the_logits(nest, small, noise):
    batch = make_batch(noise(4, 6))
    small[3].p = 0.0
    network = Heads(small, nest)
    expected = values(small, batch)
    expected["l2_norm"] += network.auxiliary.weight.norm().item()
    assert values(network, batch) == pytest.approx(expected, rel=1e-6)


def test_a_shared_weight_counts_once_and_its_calls_add_up(images):
    torch.manual_seed(0)
    linear = nn.Linear(4, 4).double()
    twice = nn.Sequential(nn.Linear(108, 4).double(), linear, linear, nn.Linear(4, 3).double())
    network = nn.Sequential(nn.Flatten(), *twice)
    apart = copy.deepcopy(network)
    apart[3] = copy.deepcopy(apart[2])
    found, other = values(network, make_batch(images)), values(apart, make_batch(images))
    assert other["l2_norm"] - found["l2_norm"] == close(linear.weight.norm().item())
    assert found["fisher"] == close(other["fisher"])
    assert found["plain"] == close(other["plain"])
    assert found["synflow"] == close(other["synflow"])


def test_fisher_channels_of_a_linear_layer_are_the_last_dimension(images):
    torch.manual_seed(0)
    linear, head = nn.Linear(6, 4).double(), nn.Linear(4, CLASSES).double()
    batch = make_batch(images)

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.head = linear, head

        def forward(self, x):  # (B, 3, 6, 6) → (B, 3, 6, 4) → (B, 4)
            return self.head(self.linear(x).relu().mean((1, 2)))

    tokens = linear(batch.images).detach().requires_grad_()
    logits = head(tokens.relu().mean((1, 2)))
    logits.retain_grad()
    functional.cross_entropy(logits, batch.labels).backward()
    terms = (tokens * tokens.grad).sum((1, 2)), logits * logits.grad
    expected = sum(term.square().mean(0).sum().item() / 2 for term in terms)
    assert values(Tokens(), batch, "gradients")["fisher"] == close(expected)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([nn.Conv1d(3, 2, 3), nn.ConvTranspose1d(2, 2, 3)], (4, 3, 6)),
        ([nn.Conv3d(3, 2, 3), nn.ConvTranspose3d(2, 2, 3)], (4, 3, 6, 6, 6)),
        ([nn.ConvTranspose2d(3, 2, 3)], (4, 3, 6, 6)),
    ],
)
def test_all_convolutions_count(layers, shape):
    torch.manual_seed(0)
    with torch.no_grad():
        width = nn.Sequential(*layers, nn.Flatten())(torch.zeros(shape)).shape[1]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, CLASSES))
    found = values(network, make_batch(torch.randn(shape)))
    weights = [p for p in network.parameters() if p.ndim > 1]
    assert found["l2_norm"] == pytest.approx(sum(w.norm().item() for w in weights))
    assert all(math.isfinite(value) and value for value in found.values())


def test_a_single_output_is_enough_where_labels_do_not_count(small, noise):
    small[-1] = nn.Linear(64, 1)
    batch = dataclasses.replace(make_batch(noise(4, 6)), classes=1)
    assert values(small, batch, "synflow")["synflow"] > 0
    assert [bool(FAMILIES[name].labelled) for name in OURS] == [True, False, True, False]


class Cut(nn.Module):
    """A network through which no gradient flows."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(108, CLASSES)

    def forward(self, x):
        return self.linear(x.flatten(1)).detach()


parametrised = nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(108, CLASSES)))


@pytest.mark.parametrize("family", ["gradients", "grasp", "synflow"])
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.ReLU(), nn.Flatten()), "has no convolution or linear layer"),
        (parametrised, "weight of Sequential's layer '1' is computed"),
        (Cut(), "no gradient to score"),
    ],
    ids=["no weights", "parametrised", "cut"],
)
def test_what_has_no_gradient_is_explained(family, network, message, noise):
    with pytest.raises(NaswotError, match=message):
        values(network, make_batch(noise(4, 6)), family)


@pytest.mark.parametrize("family", ["gradients", "grasp"])
@pytest.mark.parametrize("outputs", [1, CLASSES + 1])
def test_logits_must_fit_the_labels(family, outputs, noise):
    network = nn.Sequential(nn.Flatten(), nn.Linear(108, outputs))
    with pytest.raises(NaswotError, match=rf"shape \(4, {outputs}\).*shape \(4, {CLASSES}\)"):
        values(network, make_batch(noise(4, 6)), family)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same(images):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, CLASSES)
    )
    batch = make_batch(images)
    there = Batch(batch.images.cuda(), batch.labels.cuda(), CLASSES)
    assert values(network, there) == pytest.approx(values(network, batch), rel=1e-6)


@pytest.mark.slow
def test_ranks_are_those_published(shared, monkeypatch):
    arguments = [
        "",
        str(shared / "golden" / "proxies.csv"),
        "--every",
        "25",
        "--scores",
        "log_synflow",
    ]
    monkeypatch.setattr("sys.argv", arguments)
    assert published_scores.main() == 0
