"""The score: equations 1 and 2, by the authors' protocol, on any network."""

import copy
from functools import partial

import numpy as np
import oracle
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from own_networks import Function
from torch import nn
from torch.nn import functional

from naswot import NaswotError, score
from naswot.runtime.device import choose_precision
from naswot.scores.naswot import hamming_kernel
from naswot.scores.relu import pairwise_active
from naswot.spaces import SPACES
from naswot.spaces.nasbench201 import cells

SPACE = SPACES["nasbench201"]


def flat(x):
    return x.flatten(1).sum(1, keepdim=True)


def value(network, images, **options):
    return score(network, images, **options).value


def test_equations_1_and_2_written_out():
    torch.manual_seed(0)
    linear = nn.Linear(6, 40)
    images = torch.randn(5, 6)
    codes = (linear(images) > 0).int().tolist()
    kernel = [
        [40 - sum(a != b for a, b in zip(one, other, strict=True)) for other in codes]
        for one in codes
    ]
    found = score(nn.Sequential(linear, nn.ReLU(), nn.Linear(40, 1)), images)
    assert found.value == pytest.approx(np.log(abs(np.linalg.det(np.array(kernel, float)))))
    assert (found.relu_units, found.relu_modules) == (40, 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (64, 1), (64, 2), (5, 31)])
def test_products_of_codes_are_exact(shape):
    codes = torch.randint(0, 2, shape, dtype=torch.int8)
    wide = codes.double()
    assert torch.equal(pairwise_active(codes).double(), wide @ wide.t())


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.sampled_from(cells.OPERATIONS)] * 6),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["once", "as-published"]),
)
def test_kernels_equal_the_oracles_on_any_cell(operations, seed, relu_count):
    torch.manual_seed(seed)
    network = SPACE.build(cells.to_string(operations), 1)
    network.to(memory_format=torch.channels_last)  # the same convolutions for both
    images = torch.randn(6, 3, 8, 8).to(memory_format=torch.channels_last)
    expected = oracle.kernel(copy.deepcopy(network), images, relu_count == "as-published")
    found, units, *_ = hamming_kernel(network, images, relu_count=relu_count)
    np.testing.assert_array_equal(found.numpy(), expected)
    assert (found.diagonal() == units).all()


def conv_net(activation):
    """Return a small network that ends in `activation` and a classifier, fixed weights."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), activation, nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4),
        nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    "activation",
    [
        nn.ReLU(inplace=True),
        nn.ReLU6(),
        Function(lambda _, x: functional.relu(x)),
        Function(lambda _, x: functional.relu(x, inplace=True)),
        Function(lambda _, x: functional.relu_(x)),
        Function(lambda _, x: functional.relu6(x)),
        Function(lambda _, x: torch.relu(x)),
        Function(lambda _, x: torch.relu_(x)),
        Function(lambda _, x: x.relu()),
        Function(lambda _, x: x.relu_()),
    ],
    ids=lambda module: getattr(module, "extra_repr", str)() or type(module).__name__,
)
def test_relus_are_found_wherever_they_are(activation, noise):
    expected = score(conv_net(nn.ReLU()), noise())
    found = score(conv_net(activation), noise())
    assert found.relu_units == expected.relu_units
    # ReLU6 clips, which may change what the second ReLU sees, but never here
    assert found.value == expected.value


def halves(x, slope=0.1):
    return torch.where(x > 0, x, slope * x)


@pytest.mark.parametrize(
    "activation",
    [
        nn.LeakyReLU(0.1),
        nn.LeakyReLU(0.1, inplace=True),
        nn.PReLU(init=0.1),
        nn.PReLU(4, init=0.1),
        nn.RReLU(0.1, 0.1),
        nn.RReLU(0.1, 0.1, inplace=True),
        Function(lambda _, x: functional.leaky_relu(x, 0.1)),
        Function(lambda _, x: functional.leaky_relu_(x, 0.1)),
        Function(lambda _, x: functional.prelu(x, x.new_full((1,), 0.1))),
        Function(lambda _, x: x.prelu(x.new_full((4,), 0.1))),
        Function(lambda _, x: functional.rrelu(x, 0.1, 0.1)),
        Function(lambda _, x: torch.rrelu(x, 0.1, 0.1)),
    ],
    ids=lambda module: str(module).replace("Function()", "function"),
)
def test_leaky_relus_have_the_codes_of_their_inputs(activation, noise):
    network, images = conv_net(activation), noise()
    first, _, second, norm, *_ = network.train()
    with torch.no_grad():
        read = [first(images)]
        read.append(norm(second(halves(read[0]))))
        codes = torch.cat([(x > 0).flatten(1) for x in read], 1)
    expected = (codes[:, None] == codes[None, :]).sum(2)
    kernel, units, modules, _ = hamming_kernel(network, images)
    torch.testing.assert_close(kernel, expected.double(), rtol=0, atol=2)  # kinks within rounding
    assert (units, modules) == (codes.shape[1], 2)


@pytest.mark.parametrize(
    "activation", [nn.Hardtanh(), nn.Hardswish(), nn.ELU(), nn.CELU(), nn.GELU(), nn.SiLU()]
)
def test_curved_activations_and_kinks_elsewhere_have_no_code(activation, noise):
    assert score(conv_net(activation), noise()).relu_modules == 1


@pytest.mark.parametrize("activation", [nn.LeakyReLU(), nn.PReLU(), nn.RReLU(), nn.ReLU6()])
def test_leaky_relus_count_as_published_by_their_names(activation, noise):
    found = score(conv_net(activation), noise(), relu_count="as-published")
    assert found.relu_modules == 2


def test_a_module_used_twice_counts_twice(noise):
    relu = nn.ReLU()
    network = Function(lambda net, x: flat(net.relu(net.relu(x) - 0.5)), relu=relu)
    assert score(network, noise(8, 4)).relu_modules == 2
    assert score(network, noise(8, 4)).relu_units == 2 * 3 * 4 * 4


def test_relus_without_a_path_to_the_output_do_not_count(noise):
    def forward(_, x):
        functional.relu(x - 1)  # its result is dropped
        functional.relu(x + 1).detach()
        return flat(functional.relu(x))

    found = score(Function(forward), noise())
    assert found.relu_modules == 1
    assert found.value == value(Function(lambda _, x: flat(functional.relu(x))), noise())


def test_a_product_with_zero_keeps_the_path(noise):
    network = Function(lambda _, x: flat(functional.relu(x) * 0 + x))
    assert score(network, noise()).relu_modules == 1


def test_frozen_weights_hide_no_relu(noise):
    network = conv_net(nn.ReLU()).requires_grad_(False)
    assert score(network, noise()).value == value(conv_net(nn.ReLU()), noise())


def test_input_changed_in_place_stays_the_callers(noise):
    images = noise()
    before = images.clone()
    score(nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(192, 1)), images)
    assert torch.equal(images, before)


def test_the_scored_network_is_not_changed(noise):
    network = conv_net(nn.ReLU()).eval()
    before = copy.deepcopy(network.state_dict())
    score(network, noise(), precision="bfloat16")
    assert not network.training
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(module._forward_hooks for module in network.modules())


def test_it_works_without_gradients_around_it(noise):
    expected = value(conv_net(nn.ReLU()), noise())
    with torch.no_grad():
        assert value(conv_net(nn.ReLU()), noise()) == expected
    with torch.inference_mode():
        images = noise()
    assert value(conv_net(nn.ReLU()), images) == expected


@pytest.mark.parametrize("nest", [lambda y: (y, None), lambda y: {"a": [y]}, lambda y: [y]])
def test_outputs_may_be_nested(nest, noise):
    network = Function(lambda _, x: nest(flat(functional.relu(x))))
    assert score(network, noise()).relu_modules == 1


def test_containers_count_again_only_as_published(noise):
    network = SPACE.build("|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|none~2|", 1)
    once = score(network, noise())
    published = score(network, noise(), relu_count="as-published")
    # 15 convolutions, 4 in the reductions and the last ReLU; all but the last in containers
    assert once.relu_modules == 20
    assert published.relu_modules == 39


def test_indistinguishable_inputs_score_minus_infinity(noise):
    images = noise(2).expand(2, -1, -1, -1).clone()
    images[1] = images[0]
    assert value(conv_net(nn.ReLU()), images) == -np.inf
    nothing = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    assert value(SPACE.build(nothing, 1), noise()) == -np.inf


def test_not_a_number_stays_not_a_number(noise):
    images = noise()
    images[0, 0, 0, 0] = torch.nan
    assert np.isnan(value(conv_net(nn.ReLU()), images))


def test_a_builder_is_timed(noise):
    found = score(lambda: conv_net(nn.ReLU()), noise())
    assert 0 < found.build_seconds < found.seconds
    assert found.value == value(conv_net(nn.ReLU()), noise())


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 1), nn.GELU()), {}, "calls no ReLU"),
        (conv_net(nn.ReLU()), {"precision": "float16"}, "precision is 'float16'"),
        (conv_net(nn.ReLU()), {"relu_count": "twice"}, "relu_count is 'twice'"),
        (Function(lambda _, x: flat(x + functional.relu(x.mean(0)))), {}, "cannot be told apart"),
    ],
)
def test_what_cannot_be_scored_is_explained(network, options, message, noise):
    with pytest.raises(NaswotError, match=message):
        score(network, noise(), **options)


def test_a_network_that_flattens_by_view_is_scored():
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 1)

    def forward(flatten):
        return lambda self, x: self.linear(flatten(functional.relu(self.conv(x))))

    images = torch.randn(6, 3, 8, 8)
    viewing = Function(forward(lambda x: x.view(len(x), -1)), conv=conv, linear=linear)
    flattening = Function(forward(lambda x: x.flatten(1)), conv=conv, linear=linear)
    assert value(viewing, images) == pytest.approx(value(flattening, images))


def test_auto_precision_is_bfloat16_where_the_processor_has_instructions_for_it(monkeypatch):
    cpu = torch.device("cpu")
    for capabilities, chosen in (({"avx512_bf16": True}, "bfloat16"), ({"avx2": True}, "float32")):
        told = partial(dict, capabilities)
        monkeypatch.setattr(torch.cpu, "get_capabilities", told, raising=False)
        assert choose_precision("auto", cpu) == chosen
        assert choose_precision("float32", cpu) == "float32"
