"""A derived space: networks that are the user's own but for their widths and depths."""

import itertools
import json

import numpy as np
import pytest
import torch
from needs import torchvision_models
from own_networks import Function, GoogLeNetLike, ViTLike
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from varied_networks import KINDS, Residual, conv, mobile, plain, pooled, residual

from naswot.errors import NaswotError
from naswot.spaces.choices import draw, draw_random, mutate
from naswot.spaces.derived import derived_space

SHAPE = (3, 16, 16)
TORCHVISION = (
    *("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "densenet121"),
    *("efficientnet_b0", "convnext_tiny", "vgg11_bn", "googlenet", "shufflenet_v2_x1_0"),
    *("vit_b_16", "swin_t"),
)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def space(kind):
    return derived_space(kind, KINDS[kind], 10, SHAPE)


def random_ones(space, number, seed=0):
    generator = np.random.default_rng(seed)
    return [draw_random(space, generator).arch for _ in range(number)]


def weightless(space, arch, classes=10):
    with torch.device("meta"):
        return space.build(arch, classes).eval()


def sizes(network):
    return {name: tuple(x.shape) for name, x in network.state_dict().items()}


def counted(network, shape):
    """Return what PyTorch counts in a network on the meta device, and the shape of its output."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = network.eval()(torch.empty(1, *shape))
    params = sum(x.numel() for x in network.parameters() if x.requires_grad)
    return {"params": params, "flops": counter.get_total_flops()}, tuple(output.shape)


def test_the_empty_architecture_is_the_network_itself(kind, space):
    original = KINDS[kind]()
    built = space.build("{}", 10)
    assert sizes(built) == sizes(original)
    assert repr(built) == repr(original)
    assert type(built) is type(original)


def test_random_networks_run_and_learn(space):
    for arch in random_ones(space, 10):
        network = space.build(arch, 10)
        output = network(torch.randn(2, *SHAPE))
        assert output.shape == (2, 10)
        output.square().mean().backward()
        assert all(x.grad is not None for x in network.parameters())


def test_counts_are_those_of_the_built_networks(space):
    for arch in ["{}", *random_ones(space, 20)]:
        expected, shape = counted(weightless(space, arch), SHAPE)
        assert space.count(arch, 10, SHAPE) == expected
        assert shape == (1, 10)


def test_every_choice_changes_the_network(space):
    original = draw(space, lambda name, options: original_of(space)[name])
    assert original.arch == "{}"
    for name, options in original.options.items():
        for option in options:
            if option != original.choices[name]:
                built = weightless(space, json.dumps({name: option}))
                counted(built, SHAPE)
                assert sizes(built) != sizes(weightless(space, "{}"))


def original_of(space):
    """Return name of a choice → its value in the network itself, as `about` states it."""
    found = {}
    for line in space.about:
        if line.startswith("width ") and " channels" in line:
            name, _, rest = line.partition(": ")
            found[name] = int(rest.split()[0])
        elif line.startswith("depth "):
            name, _, rest = line.partition(": ")
            found[name] = int(rest.split()[0].rpartition("–")[2])
    return found


def test_layers_are_as_wide_as_their_choices_say(space):
    widest = draw(space, lambda _, options: options[-1])
    network = weightless(space, widest.arch)
    for name, width in widest.choices.items():
        if name.startswith("width "):
            layer = network.get_submodule(name.removeprefix("width "))
            assert layer.weight.shape[0] == width
            assert width > original_of(space)[name]


def test_modules_state_the_numbers_of_channels_that_they_have(space):
    for arch in random_ones(space, 5):
        for module in weightless(space, arch).modules():
            if isinstance(module, nn.Conv2d):
                shape = module.out_channels, module.in_channels // module.groups
                assert module.weight.shape[:2] == shape
            elif isinstance(module, nn.Linear):
                assert module.weight.shape == (module.out_features, module.in_features)
            elif isinstance(module, nn.BatchNorm2d):
                assert module.running_mean.shape == (module.num_features,)
            elif isinstance(module, nn.LayerNorm):
                assert module.weight.shape == module.normalized_shape


def test_networks_can_be_exported(space):
    (arch,) = random_ones(space, 1)
    network = space.build(arch, 10).eval()
    images = torch.randn(2, *SHAPE)
    exported = torch.export.export(network, (images,)).module()
    torch.testing.assert_close(exported(images), network(images))


def test_the_number_of_networks_is_that_of_all_choices():
    """Counted by following every route; the inner width of a block that is left out has none."""

    def make(num_classes=10):
        body = nn.Sequential(conv(3, 8), *(Residual(conv(8, 8)) for _ in "12"))
        return Function(pooled, body=body, head=nn.Linear(8, num_classes))

    space = derived_space("tiny", make, 10, SHAPE)
    found, routes = set(), [[]]
    while routes:
        route = routes.pop()
        place, more = itertools.count(), []

        def choose(_, options, route=route, place=place, more=more):
            here = next(place)
            if here == len(route):
                route.append(options[0])
                more += [[*route[:-1], option] for option in options[1:]]
            return route[here]

        found.add(draw(space, choose).arch)
        routes += more
    assert len(found) == 2 * 3  # two widths, one to three blocks


def test_blocks_that_are_left_out_take_their_widths_with_them():
    space = derived_space("residual", residual, 10, SHAPE)
    shortest = draw(space, lambda _, options: options[0])
    assert shortest.choices["depth body.1"] == 1
    assert not any(name.startswith("width body.1.1.") for name in shortest.choices)
    assert len(weightless(space, '{"depth body.1":2}').body[1]) == 2
    with pytest.raises(NaswotError, match="of a block that it leaves out"):
        space.build('{"depth body.1":1,"width body.1.1.inner.0.0":16}', 10)


def test_mutations_differ_in_one_choice_and_stay_in_the_space():
    space = derived_space("mobile", mobile, 10, SHAPE)
    generator = np.random.default_rng(0)
    parent = draw_random(space, generator)
    for _ in range(20):
        child = mutate(space, parent, generator)
        both = parent.choices.keys() & child.choices.keys()
        assert sum(parent.choices[name] != child.choices[name] for name in both) == 1
        assert weightless(space, child.arch)
        parent = child


def test_classes_are_those_of_the_call():
    space = derived_space("plain", plain, 10, SHAPE)
    for classes in (1, 7):
        assert weightless(space, "{}", classes).head.out_features == classes
        arch = random_ones(space, 1)[0]
        expected, _ = counted(weightless(space, arch, classes), SHAPE)
        assert space.count(arch, classes, SHAPE) == expected


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("", "no architecture"),
        ("[]", "no architecture"),
        ('{"width head":8}', "no choice"),
        ('{"width body.0.0":9}', "none of 8, 16, 24"),
        ('{"width body.0.0":16.0}', "no whole number"),
        ('{"width body.0.0":true}', "no whole number"),
        ('{"width body.0.0":8,"width body.0.0":8}', "occurs twice"),
        ("[" * 100_000, "no architecture"),
    ],
)
def test_other_texts_are_refused(arch, message):
    space = derived_space("plain", plain, 10, SHAPE)
    with pytest.raises(NaswotError, match=message):
        space.build(arch, 10)


def test_weights_are_drawn_anew_as_the_network_draws_its_own():
    """He's initialisation by the fan-out stays so when the widths change, and zeros stay zeros."""

    def make(num_classes=10):
        network = residual(num_classes)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.zeros_(module.weight)
        return network

    space = derived_space("residual", make, 10, SHAPE)
    widest = draw(space, lambda _, options: options[-1]).arch
    networks = [space.build(widest, 10) for _ in range(8)]
    for name, module in networks[0].named_modules():
        drawn = [dict(n.named_modules())[name] for n in networks]
        if isinstance(module, nn.Conv2d):
            weights = torch.stack([x.weight for x in drawn])
            assert not torch.equal(weights[0], weights[1])
            fan_out = module.out_channels * module.weight[0, 0].numel()
            assert weights.var().item() == pytest.approx(2 / fan_out, rel=0.15)
        elif isinstance(module, nn.BatchNorm2d):
            assert not module.weight.any()
    bound = networks[0].head.in_features ** -0.5
    assert 0.9 * bound < networks[0].head.weight.abs().max() < 1.1 * bound


def test_the_seed_decides_on_the_weights():
    space = derived_space("plain", plain, 10, SHAPE)
    arch = random_ones(space, 1)[0]
    one, two = (space.build(arch, 10) for _ in range(2) if torch.manual_seed(5))
    assert all(map(torch.equal, one.parameters(), two.parameters()))


def about(make, shape=SHAPE):
    return "\n".join(derived_space("own", make, 10, shape).about)


def test_outputs_and_hard_coded_widths_stay_and_the_reason_is_told():
    def make(num_classes=10):
        def forward(network, x):
            return network.head(network.body(x).mean((2, 3)).view(-1, 24))

        body = nn.Sequential(conv(3, 16), conv(16, 24))
        return Function(forward, body=body, head=nn.Linear(24, num_classes))

    text = about(make)
    assert "width body.0.0: 16 channels" in text
    assert "width of body.1.0, head stays: it is the network's output, or would change" in text


def test_an_assertion_about_the_width_keeps_it():
    class Strict(nn.Module):
        def forward(self, x):
            assert x.shape[1] == 24, "24 channels"
            return x

    def make(num_classes=10):
        body = nn.Sequential(conv(3, 16), conv(16, 24), Strict())
        return Function(pooled, body=body, head=nn.Linear(24, num_classes))

    assert "width of body.1.0 stays: Strict body.2 fails with another width" in about(make)


def test_attention_keeps_its_width_and_the_layers_beside_it_vary():
    text = about(ViTLike, (3, 32, 32))
    assert "width block.linear1: 32 channels, 8–48" in text
    assert "width of patches" in text


def test_heads_that_exist_in_train_mode_only_are_resized():
    space = derived_space("aux", GoogLeNetLike, 10, (3, 32, 32))
    widest = draw(space, lambda _, options: options[-1])
    assert widest.choices["width stem"] == 16
    logits, auxiliary = space.build(widest.arch, 10).train()(torch.randn(2, 3, 32, 32))
    assert logits.shape == auxiliary.shape == (2, 10)


def test_shared_modules_and_tied_weights_stay_shared():
    def make(num_classes=10):
        def forward(network, x):
            x = network.body(x)
            return network.head(network.shared(network.shared(x)).mean((2, 3)))

        modules = {"body": conv(3, 16), "shared": conv(16, 16)}
        network = Function(forward, **modules, head=nn.Linear(16, num_classes))
        network.twin = network.shared
        return network

    space = derived_space("shared", make, 10, SHAPE)
    network = space.build('{"width body.0":24}', 10)
    assert network.twin is network.shared
    assert network.shared[0].weight.shape[:2] == (24, 24)
    assert network(torch.randn(2, *SHAPE)).shape == (2, 10)


def test_weights_that_are_computed_follow_their_input():
    def make(num_classes=10):
        computed = nn.utils.parametrizations.weight_norm(nn.Conv2d(16, 16, 3))
        body = nn.Sequential(conv(3, 16), computed, conv(16, 24))
        return Function(pooled, body=body, head=nn.Linear(24, num_classes))

    space = derived_space("own", make, 10, SHAPE)
    network = space.build('{"width body.0.0":8,"width body.2.0":32}', 10)
    assert network.body[1].bias.shape == (network.body[1].out_channels,) == (8,)
    assert network(torch.randn(2, *SHAPE)).shape == (2, 10)


def test_standardised_weights_keep_their_width():
    class Standardised(nn.Conv2d):
        def forward(self, x):
            weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
            return functional.conv2d(x, weight, self.bias, self.stride, self.padding)

    def make(num_classes=10):
        body = nn.Sequential(conv(3, 16), Standardised(16, 16, 3), conv(16, 24))
        return Function(pooled, body=body, head=nn.Linear(24, num_classes))

    text = about(make)
    assert "width body.2.0: 24 channels" in text
    assert "width of body.0.0 stays: conv2d in body.1 fails with another width" in text


def test_shortcuts_that_pad_channels_keep_their_width():
    def make(num_classes=10):
        def forward(network, x):
            x = network.stem(x)
            padded = functional.pad(x, (0, 0, 0, 0, 8, 8))
            return network.head((network.body(x) + padded).mean((2, 3)))

        body = nn.Sequential(conv(16, 24), conv(24, 32))
        return Function(forward, stem=conv(3, 16), body=body, head=nn.Linear(32, num_classes))

    text = about(make)
    assert "width body.0.0: 24 channels" in text
    assert "width of stem.0 stays: pad in" in text


def test_buffers_keep_their_values_and_their_width():
    def make(num_classes=10):
        def forward(network, x):
            return network.head((network.body(x) * network.buffer).mean((2, 3)))

        network = Function(forward, body=conv(3, 16), head=nn.Linear(16, num_classes))
        network.register_buffer("buffer", torch.arange(16.0).view(1, 16, 1, 1))
        network.more = nn.Linear(16, 16)  # never runs
        network.extra = conv(3, 8)
        return network

    with pytest.raises(
        NaswotError, match=r"nothing that varies: .*meets a size that does not vary"
    ):
        derived_space("buffer", make, 10, SHAPE)


def test_networks_that_cannot_be_varied_are_refused_in_one_line():
    def by_value(num_classes=10):
        return Function(
            lambda net, x: net.head(x.mean((2, 3))) * (2 if x.sum() > 0 else 1),
            head=nn.Linear(3, num_classes),
        )

    for make, shape, message in (
        (lambda: nn.Linear(3, 10), (3,), "has nothing that varies: it is the network's output"),
        (plain, (1, 16, 16), r"fails on images of 1×16×16.*give another shape"),
        (by_value, SHAPE, "meta device, which has no values"),
        (lambda: nn.Flatten(), SHAPE, "it has no wide layer"),
    ):
        with pytest.raises(NaswotError, match=message) as caught:
            derived_space("own", make, 10, shape)
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module", params=TORCHVISION)
def model(request):
    return getattr(torchvision_models(), request.param)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_networks_of_torchvision(model):
    shape = (3, 224, 224)
    space = derived_space(model.__name__, model, 10, shape)
    with torch.device("meta"):
        assert sizes(weightless(space, "{}")) == sizes(model(num_classes=10))
    archs = random_ones(space, 20)
    for arch in archs:
        expected, output = counted(weightless(space, arch), shape)
        assert output == (1, 10)
        assert space.count(arch, 10, shape) == expected
    assert len({space.count(arch, 10, shape)["params"] for arch in archs}) == 20
    with torch.no_grad():
        assert space.build(archs[0], 10).eval()(torch.randn(1, *shape)).shape == (1, 10)
