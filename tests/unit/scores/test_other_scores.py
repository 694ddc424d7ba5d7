"""Scores of Jacobians, features, gradients, kernels and sizes: definitions, protocol, errors."""

import copy
import json
import math
import re

import numpy as np
import pytest
import torch
from own_networks import Function
from torch import nn
from torch.nn import functional

from naswot import NaswotError
from naswot.scores import FAMILIES, FAMILY_OF, NEEDS, zen
from naswot.scores.base import Batch, measure
from naswot.scores.linear_regions import POINTS, RAYS, rays
from naswot.scores.ntk import IMAGES
from naswot.spaces import SPACES

NAMES = ("jacobian", "zen", "zico", "ntk", "linear_regions", "nngp", "size")
SPACE = SPACES["nasbench201"]
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
SEEDS = range(4)


def values(network, batch, *families):
    found = measure(network, batch, [FAMILIES[name] for name in families])
    return {name: result.value for name, result in found.items()}


def batch_of(images, classes=3):
    return Batch(images, torch.arange(len(images)) % classes, classes)


def plain_net(seed, outputs=3):
    """Return a network without batch normalisation, in float64: images do not affect others."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(5 * 4 * 4, outputs),
    ).double()  # fmt: skip


def norm_net(seed=0, outputs=3):
    """Return a network with batch normalisation and global pooling, in float64."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, outputs),
    ).double()  # fmt: skip


# --- definitions ---------------------------------------------------------------------------------


def slow_jacobians(network, images):
    """Return a row an image: the gradient of the sum of its outputs, one image at a time."""
    rows = []
    for image in images:
        x = image[None].clone().requires_grad_()
        network(x + 0).sum().backward()
        rows.append(x.grad.flatten().numpy())
    return np.stack(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_jacob_cov_is_that_of_its_definition(seed, noise):
    network, images = plain_net(seed), noise(6, seed=seed).double()
    v = np.linalg.eigvalsh(np.corrcoef(slow_jacobians(network, images)))
    expected = -sum(math.log(x + 1e-5) + 1 / (x + 1e-5) for x in v)
    found = values(network, batch_of(images), "jacobian")
    assert found["jacob_cov"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("classes", "labels"),
    [(3, [0, 1, 0, 1, 0, 2]), (100, [0, 1, 0, 1, 0, 99]), (101, [0, 1, 0, 1, 0, 2])],
)
def test_epe_nas_is_that_of_its_definition(classes, labels, noise):
    network, images = plain_net(0, outputs=classes), noise(6).double()
    rows, sums = slow_jacobians(network, images), []
    for label in sorted(set(labels)):
        own = [row for row, other in zip(rows, labels, strict=True) if other == label]
        if classes > 100 and len(own) == 1:
            continue
        total = sum(
            math.log(abs(np.corrcoef(one, other)[0, 1]) + 1e-5) for one in own for other in own
        )
        sums.append(total / len(own) if classes > 100 else total)
    if classes > 100:
        expected = sum(abs(one - other) for one in sums for other in sums) / len(sums)
    else:
        expected = sum(abs(one) for one in sums)
    found = values(network, Batch(images, torch.tensor(labels), classes), "jacobian")
    assert found["epe_nas"] == pytest.approx(expected, rel=1e-8)


def test_jacobians_are_those_of_the_first_output(noise):
    network = plain_net(0)
    heads = Function(lambda net, x: (y := net.body(x), {"other": y.square()}), body=network)
    batch = batch_of(noise(6).double())
    assert values(heads, batch, "jacobian") == values(network, batch, "jacobian")


def test_zen_is_that_of_its_definition(noise):
    def forward(x):
        variances = []
        for weight in weights:
            x = functional.conv2d(x, weight)
            mean = x.mean((0, 2, 3), keepdim=True)
            centred = x - mean
            variances.append(centred.square().sum((0, 2, 3)) / (x.numel() / x.shape[1] - 1))
            x = (centred / (centred.square().mean((0, 2, 3), keepdim=True) + 1e-5).sqrt()).relu()
        return x, variances

    network, images = norm_net(), noise(5).double()
    torch.manual_seed(3)
    found = values(network, batch_of(images), "zen")["zen"]
    torch.manual_seed(3)
    weights = [torch.empty_like(network[i].weight).normal_() for i in (0, 3)]
    torch.empty_like(network[8].weight).normal_()
    x = torch.randn_like(images)
    first, before = forward(x)
    second, after = forward(x + 0.01 * torch.randn_like(images))
    expected = math.log(np.mean([abs(a - b).sum() for a, b in zip(first, second, strict=True)]))
    for one, other in zip(before, after, strict=True):
        expected += math.log((0.81 + 0.09 * one + 0.1 * other).mean().item()) / 2
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_zico_is_that_of_its_definition(seed, noise):
    network, images = norm_net(seed), noise(7, seed=seed).double()
    batch = batch_of(images)
    found = values(network, batch, "zico")["zico"]
    gradients = []
    for part in (slice(4), slice(4, 7)):
        network.zero_grad()
        logits = network(images[part])
        chosen = logits.log_softmax(1)[range(len(logits)), batch.labels[part]]
        (-chosen.mean()).backward()
        gradients.append([network[i].weight.grad.flatten().tolist() for i in (0, 3, 8)])
    expected = 0.0
    for first, second in zip(*gradients, strict=True):
        ratios = [
            np.mean(np.abs(pair)) / np.std(pair)
            for pair in zip(first, second, strict=True)
            if np.std(pair) > 0
        ]
        expected += math.log(sum(ratios))
    assert found == pytest.approx(expected, rel=1e-8)


def test_zico_leaves_out_layers_without_gradients(noise):
    batch = batch_of(noise(6).double())
    aside = Function(lambda net, x: net.body(x), body=plain_net(0), unused=nn.Linear(2, 2))
    assert values(aside, batch, "zico") == values(plain_net(0), batch, "zico")


@pytest.mark.parametrize("seed", SEEDS)
def test_ntk_condition_is_that_of_its_definition(seed, noise):
    network, images = plain_net(seed), noise(6, seed=seed).double()
    rows = []
    for image in images:
        network.zero_grad()
        network(image[None]).sum().backward()
        rows.append(np.concatenate([p.grad.flatten().numpy() for p in network.parameters()]))
    eigenvalues = np.linalg.eigvalsh(np.stack(rows) @ np.stack(rows).T)
    found = values(network, batch_of(images), "ntk")["ntk_condition"]
    assert found == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-8)


def test_gradients_of_the_ntk_tie_images_by_batch_normalisation(noise):
    network, images = norm_net(), noise(4).double()
    outputs = copy.deepcopy(network)
    names = [name for name, _ in outputs.named_parameters()]
    jacobian = torch.autograd.functional.jacobian(
        lambda *weights: torch.func.functional_call(
            outputs, dict(zip(names, weights, strict=True)), (images,)
        ).sum(1),
        tuple(outputs.parameters()),
    )
    rows = torch.cat([part.flatten(1) for part in jacobian], 1).numpy()
    eigenvalues = np.linalg.eigvalsh(rows @ rows.T)
    found = values(network, batch_of(images), "ntk")["ntk_condition"]
    assert found == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-8)


def test_the_ntk_looks_at_the_first_images_only(noise):
    images = noise(IMAGES + 4).double()
    found = [values(plain_net(0), batch_of(part), "ntk") for part in (images, images[:IMAGES])]
    assert found[0] == found[1]


@pytest.mark.parametrize("same", [torch.float32, torch.float64])
def test_equal_images_make_the_ntk_singular(same, noise):
    images = noise(4).to(same)
    images[3] = images[1]
    for network in (plain_net(0), norm_net()):
        assert values(network.to(same), batch_of(images), "ntk")["ntk_condition"] == math.inf
    assert "ntk_condition" in FAMILIES["ntk"].lower_is_better


@pytest.mark.parametrize("seed", SEEDS)
def test_linear_regions_are_distinct_codes(seed, noise):
    network, images = norm_net(seed), noise(6, seed=seed).double()
    conv, other = network[0], network[3]
    found = values(network, batch_of(images), "linear_regions")["linear_regions"]

    def normalised(x, seen):
        deviation = (seen.var((0, 2, 3), keepdim=True) + 1e-5).sqrt()
        return (x - seen.mean((0, 2, 3), keepdim=True)) / deviation

    # What the statistics are made of is normalised by the mini-batch's own, biased variance.
    first_seen = conv(images)
    hidden = functional.batch_norm(first_seen, None, None, training=True).relu()
    second_seen = other(hidden)
    codes = set()
    with torch.no_grad():
        for x in rays(images):
            first = normalised(conv(x[None]), first_seen)
            second = normalised(other(first.relu()), second_seen)
            codes.add(bytes((torch.cat([first.flatten(), second.flatten()]) > 0).tolist()))
    assert found == len(codes)
    assert 1 < found < RAYS * POINTS


def test_rays_lead_from_an_image_to_the_next(noise):
    images = noise(3).double()
    points = rays(images).reshape(RAYS, POINTS, *images.shape[1:])
    for ray in range(RAYS):
        here, there = images[ray % 3], images[(ray + 1) % 3]
        torch.testing.assert_close(points[ray, -1], there)
        torch.testing.assert_close(points[ray, 0] - here, 1e-7 * (there - here), rtol=1e-5, atol=0)


def test_a_finer_network_has_more_linear_regions(noise):
    def network(width):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(192, width), nn.ReLU(), nn.Linear(width, 3))

    found = [
        values(network(width), batch_of(noise()), "linear_regions")["linear_regions"]
        for width in (1, 100, 10_000)
    ]
    assert found == sorted(set(found))


@pytest.mark.parametrize("seed", SEEDS)
def test_nngp_is_kernel_regression(seed, noise):
    # What the only linear layer reads is the image, so the kernel is known.
    images = noise(20, seed=seed).double()
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, 4, 20))
    images[range(20), 0, labels, 0] += 3
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    x, y = images.flatten(1).numpy(), np.eye(4)[labels]
    fit, test = x[::2], x[1::2]
    kernel = fit @ fit.T / 192
    ridge = 1e-3 * np.trace(kernel) / 10 * np.eye(10)
    predicted = (test @ fit.T / 192) @ np.linalg.inv(kernel + ridge) @ y[::2]
    expected = np.mean(predicted.argmax(1) == y[1::2].argmax(1))
    assert values(network, Batch(images, labels, 4), "nngp")["nngp"] == pytest.approx(expected)


def test_the_kernel_of_nngp_is_that_of_a_wide_network(noise):
    from naswot.scores.nngp import estimate_kernel

    images = noise(5).double()
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(192, 32000), nn.ReLU(), nn.Linear(32000, 2)
    ).double()
    torch.manual_seed(0)
    found = estimate_kernel(network, images).numpy()
    x = images.flatten(1).numpy()
    norms = np.linalg.norm(x, axis=1)
    angles = np.arccos(np.clip(x @ x.T / np.outer(norms, norms), -1, 1))
    # The arc-cosine kernel of order 1, for weights of variance 2 / 192.
    expected = np.outer(norms, norms) / 192 / np.pi
    expected = expected * (np.sin(angles) + (np.pi - angles) * np.cos(angles))
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_a_network_that_tells_nothing_apart_predicts_by_chance(noise):
    found = values(SPACE.build(NOTHING, 4), batch_of(noise(), 4), "nngp")
    assert found == {"nngp": 0.25}


def test_params_and_flops_by_hand(noise):
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, groups=2, bias=False), nn.Flatten(), nn.Linear(4 * 2 * 2, 5),
    )  # fmt: skip
    found = values(network, batch_of(noise(6)), "size")
    assert found["params"] == (27 * 4 + 4) + (4 + 4) + 18 * 4 + (16 * 5 + 5)
    assert found["flops"] == 2 * (27 * 4 * 4 * 4 + 18 * 4 * 2 * 2 + 16 * 5)
    network[0].requires_grad_(False)
    assert values(network, batch_of(noise(6)), "size")["params"] == found["params"] - 112
    cell = values(SPACE.build(CELL, 10), batch_of(noise()), "size")
    assert cell["params"] == SPACE.benchmark_params(CELL)


def test_flops_of_a_network_that_looks_at_values(noise):
    def forward(net, x):
        return net.linear(x.flatten(1)) * (2.0 if x.sum().item() > 0 else 1.0)

    network = Function(forward, linear=nn.Linear(192, 3))
    assert values(network, batch_of(noise()), "size")["flops"] == 2 * 192 * 3


# --- where features end --------------------------------------------------------------------------


def pooled_by(pool):
    torch.manual_seed(0)
    return Function(
        lambda net, x: net.linear(pool(net.conv(x)).flatten(1)),
        conv=nn.Conv2d(3, 5, 3),
        linear=nn.Linear(5, 3),
    )


@pytest.mark.parametrize(
    "pool",
    [
        nn.AdaptiveAvgPool2d(1),
        nn.AvgPool2d(6),
        nn.MaxPool2d(6),
        lambda x: functional.adaptive_avg_pool2d(x, 1),
        lambda x: functional.avg_pool2d(x, x.shape[-2:]),
        lambda x: x.mean((2, 3)),
        lambda x: torch.mean(x, dim=(2, 3), keepdim=True),
        lambda x: x.amax((2, 3)),
    ],
    ids=range(8),
)
def test_features_end_before_the_global_pooling(pool, noise):
    network = pooled_by(pool)
    images = noise()
    assert torch.equal(zen.feature_map(network, images), network.conv(images))


def test_the_last_global_pooling_counts(noise):
    def forward(net, x):
        x = net.conv(x)
        x = x * x.mean((2, 3), keepdim=True).sigmoid()
        return net.linear(functional.relu(x, inplace=True).mean((2, 3)))

    network = Function(forward, conv=nn.Conv2d(3, 5, 3), linear=nn.Linear(5, 3))
    x = network.conv(noise())
    expected = (x * x.mean((2, 3), keepdim=True).sigmoid()).relu()
    torch.testing.assert_close(zen.feature_map(network, noise()), expected)


def test_features_of_a_network_without_global_pooling_end_where_they_are_flattened(noise):
    network = plain_net(0).float()
    assert torch.equal(zen.feature_map(network, noise()), network[:4](noise()))


def test_features_before_a_pooling_of_one_position(noise):
    network = SPACE.build(CELL, 3)
    assert zen.feature_map(network, noise(4, 4)).shape == (4, 64, 1, 1)


def test_all_spaces_have_all_scores(noise):
    cells = [["sep_conv_3x3", 0], ["skip_connect", 1]]
    genotype = {"normal": cells, "normal_concat": [2], "reduce": cells, "reduce_concat": [2]}
    net = {"width": 4, "depth": 3, "aux": False, "drop_prob": 0.0, "genotype": genotype}
    vanilla = {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": None, "ss": [1, 2]}
    vanilla |= {"block_type": "vanilla_block", "ds": [1, 1], "ws": [8, 8], "bms": [], "gws": []}
    chain = {"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]]}
    chain["ops"] = ["input", "conv3x3-bn-relu", "output"]
    built = [
        SPACE.build(CELL, 3),
        SPACES["nds_darts"].build(json.dumps({"searchspace": "DARTS", "net": net}), 3),
        SPACES["nds_vanilla"].build(json.dumps(vanilla), 3),
        SPACES["nasbench101"].build(json.dumps(chain), 3),
    ]
    for network in built:
        found = values(network, batch_of(noise(4)), *NAMES)
        assert all(type(value) is float and math.isfinite(value) for value in found.values())


# --- protocol ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_family_does_not_depend_on_the_others(name, noise):
    together = values(norm_net(), batch_of(noise(6).double()), *NAMES)
    for given in (norm_net, lambda: norm_net):  # a network, and a function that builds it
        alone = values(given(), batch_of(noise(6).double()), name)
        assert alone == {score: together[score] for score in FAMILIES[name].scores}
    assert all(FAMILY_OF[score] == name for score in alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_given_network_and_images_are_not_changed(name, noise):
    network = nn.Sequential(nn.ReLU(inplace=True), *norm_net()).double().eval()
    network[1].requires_grad_(False)
    images = noise(6).double()
    before, pixels = copy.deepcopy(network.state_dict()), images.clone()
    values(network, batch_of(images), name)
    assert torch.equal(images, pixels)
    assert not images.requires_grad
    assert not network.training
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert [p.requires_grad for p in network.parameters()] == [False] + [True] * 8
    assert all(p.grad is None for p in network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


@pytest.mark.parametrize("name", NAMES)
def test_scores_need_no_gradients_around_them(name, noise):
    def found():
        return values(norm_net(), batch_of(noise(6).double()), name)

    expected = found()
    with torch.no_grad():
        assert found() == expected


@pytest.mark.parametrize("name", sorted({*NAMES} - {"zen", "size"}))
def test_not_a_number_stays_not_a_number(name, noise):
    images = noise(6).double()
    images[0] = torch.nan
    found = values(norm_net(), batch_of(images), name)
    assert all(math.isnan(value) for value in found.values())


def test_networks_that_do_not_look_at_their_input(noise):
    batch = batch_of(noise())
    found = values(SPACE.build(NOTHING, 3), batch, *NAMES)
    assert math.isnan(found["jacob_cov"])
    assert math.isnan(found["epe_nas"])
    assert found["zen"] == -math.inf
    assert found["ntk_condition"] == math.inf
    detached = Function(lambda net, x: net.body(x).detach(), body=norm_net().float())
    assert math.isnan(values(detached, batch, "jacobian")["jacob_cov"])
    assert values(detached, batch, "ntk") == {"ntk_condition": math.inf}


@pytest.mark.parametrize(
    ("name", "network", "message"),
    [
        ("jacobian", Function(lambda _, x: None), "no tensor of floats with one row"),
        ("zen", nn.Sequential(nn.Conv2d(3, 3, 3)), "neither pools a feature map"),
        ("zico", nn.Sequential(nn.Flatten()), "no convolution or linear layer"),
        ("zico", plain_net(0, 2).float(), r"shape \(4, 2\)"),
        (
            "zico",
            Function(lambda net, x: net.body(x).detach(), body=plain_net(0).float()),
            "no gradient to score",
        ),
        ("ntk", plain_net(0).float().requires_grad_(False), "no trainable parameter"),
        ("linear_regions", nn.Flatten(), "calls no ReLU"),
        ("nngp", Function(lambda _, x: x.sum()), "no tensor of floats with one row"),
    ],
)
def test_networks_that_a_score_does_not_apply_to(name, network, message, noise):
    with pytest.raises(NaswotError, match=message):
        values(network, batch_of(noise()), name)


@pytest.mark.parametrize("name", ["jacobian", "zico", "linear_regions", "nngp"])
def test_one_image_is_not_enough(name, noise):
    with pytest.raises(NaswotError, match="one image is not enough"):
        values(plain_net(0), batch_of(noise(1).double()), name)


# --- published values ----------------------------------------------------------------------------


@pytest.mark.slow
def test_published_ranks_are_found_again(shared):
    import pandas as pd
    from scipy.stats import spearmanr

    table = pd.read_csv(shared / "golden" / "proxies.csv")
    table = table[table["dataset"] == "cifar10"].sample(16, random_state=0)
    with np.load(shared / "data" / "images" / "cifar10.npz") as arrays:
        images = torch.from_numpy(arrays["x_train"][:32])
        labels = torch.from_numpy(arrays["y_train"][:32].astype(np.int64).ravel())
    if images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    batch = Batch(images.float() / 255 * 4 - 2, labels, 10)
    rows = []
    for arch in table["arch"]:
        torch.manual_seed(0)
        rows.append(values(SPACE.build(arch, 10), batch, "jacobian", "zen", "size"))
    found = pd.DataFrame(rows, index=table.index)
    for name, published, least in (
        ("params", "params", 0.98),
        ("flops", "flops", 0.98),
        ("jacob_cov", "jacov", 0.8),
        ("zen", "zen", 0.9),
    ):
        both = np.isfinite(found[name]) & np.isfinite(table[published])
        assert spearmanr(found[name][both], table[published][both])[0] >= least, name


@pytest.mark.parametrize("family", ["ntk", "zico", "nngp"])
def test_networks_that_flatten_by_view_are_scored_as_others(family):
    """They cannot be computed channels-last, which is how these scores are computed else."""
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 3)

    def network(flatten):
        def forward(self, x):
            return self.linear(flatten(functional.relu(self.conv(x))))

        return Function(forward, conv=conv, linear=linear)

    batch = Batch(torch.randn(8, 3, 8, 8), torch.arange(8) % 3, 3)
    found = []
    for flatten in (lambda x: x.view(len(x), -1), lambda x: x.flatten(1)):
        torch.manual_seed(1)
        found += [s.value for s in measure(network(flatten), batch, [FAMILIES[family]]).values()]
    if family == "nngp":  # it draws weights in the order of memory: other ones
        assert all(0 <= value <= 1 for value in found)
    else:
        assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_every_need_is_one_that_some_score_has():
    assert {need for family in FAMILIES.values() for need in family.needs} | {"labels"} == set(
        NEEDS
    )


def test_the_page_has_the_formula_of_each_score(root):
    page = (root / "docs/reference/scores.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page.partition("## Formulas")[2].partition("## ")[0], re.M)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(FAMILY_OF)
