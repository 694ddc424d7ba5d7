"""The oracle that `tools/sweep.py` compares with: networks whose kernels can be written down."""

import copy

import oracle
import oracle_operations
import pytest
import torch
from own_networks import Function
from torch import nn
from torch.nn import functional
from torch.nn.functional import relu

from naswot.spaces import SPACES


def agreements(*read: torch.Tensor) -> list[list[int]]:
    """Return the kernel of what ReLUs read, (B, …) each, counted one by one."""
    codes = [
        [value > 0 for x in read for value in x[image].flatten().tolist()]
        for image in range(len(read[0]))
    ]
    return [[sum(a == b for a, b in zip(i, j, strict=True)) for j in codes] for i in codes]


def seen(network, images) -> oracle_operations.Found:
    before = copy.deepcopy(network.state_dict())
    found = oracle_operations.find(network, images)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    return found


@pytest.fixture
def images():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


def rectified(x):
    return torch.relu(x)


def scripted(x):
    return torch.jit.script(rectified)(x)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize(
    "rectify",
    [
        *(nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(), nn.LeakyReLU(inplace=True)),
        *(nn.PReLU(), nn.RReLU(), nn.RReLU(inplace=True), nn.Threshold(0, 7.0)),
        *(nn.Hardtanh(0, 2), nn.Hardtanh(0, 2, inplace=True), functional.relu, functional.relu6),
        *(relu, torch.relu, torch.relu_, torch.Tensor.relu_, scripted),
        lambda x: torch.clamp(x, min=0),
        lambda x: x.clamp_(0.0),
        lambda x: torch.clamp_min(x, 0),
        lambda x: functional.threshold(x, 0.0, 0.0, inplace=True),
        lambda x: functional.leaky_relu_(x, 0.2),
        lambda x: torch.prelu(x, x.new_full((1,), 0.1)),
    ],
)
def test_every_way_to_rectify_is_seen_before_it_changes_what_it_reads(rectify, images):
    modules = {"rectify": rectify} if isinstance(rectify, nn.Module) else {}
    network = Function(lambda _, x: 2 * rectify(x + 0.5), **modules)
    found = seen(network, images)
    assert found.kernel.tolist() == agreements(images + 0.5)
    assert (found.units, found.calls, found.left_out) == (3, 1, [])


@pytest.mark.parametrize(
    "activation",
    [
        *(nn.Hardtanh(), nn.Threshold(0.1, 0), nn.GELU(), nn.SiLU(), nn.ELU(), nn.Hardswish()),
        *(nn.Hardsigmoid(), nn.Softplus(), lambda x: x.clamp(max=0), lambda x: x.clamp(1e-6)),
    ],
)
def test_curves_and_kinks_elsewhere_are_none(activation, images):
    found = seen(Function(lambda _, x: activation(x)), images)
    assert (found.units, found.calls, found.left_out) == (0, 0, [])


def test_every_call_of_a_module_counts_and_so_does_each_layer(images):
    torch.manual_seed(1)
    first, second, act = nn.Linear(3, 5), nn.Linear(5, 5), nn.ReLU()
    network = nn.Sequential(first, act, second, act, nn.Linear(5, 1))
    found = seen(network, images)
    read = first(images), second(first(images).relu())
    assert found.kernel.tolist() == agreements(*read)
    assert (found.units, found.calls) == (10, 2)
    assert found.score == pytest.approx(float(torch.tensor(agreements(*read)).double().logdet()))


def test_what_the_output_does_not_depend_on_is_left_out(images):
    def forward(_, x):
        (x + 1).relu()  # nobody looks at it
        with torch.no_grad():
            gate = (x - 1).relu().round()  # no gradient, but the output changes with it
        return x.relu() + gate

    found = seen(Function(forward), images)
    assert found.kernel.tolist() == agreements(images, images - 1)
    assert found.calls == 2
    assert found.left_out == [" (4, 3) does nothing to the output"]


def test_what_is_not_of_the_images_is_left_out_whatever_its_shape(images):
    table = nn.Embedding(4, 3)  # as many rows as images
    network = Function(lambda net, x: x.relu() * net.table.weight.relu(), table=table)
    found = seen(network, images)
    assert found.kernel.tolist() == agreements(images)
    assert found.left_out == [" (4, 3) is not of the images"]


def test_weights_that_start_at_zero_do_not_hide_the_images(images):
    linear = nn.Linear(3, 2)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    found = seen(nn.Sequential(linear, nn.ReLU()), images)
    assert (found.kernel == 2).all()
    assert (found.calls, found.left_out) == (1, [])


def test_rows_of_one_image_side_by_side_are_its_units(images):
    """Windows are; crops one after the other, and channels first, are not."""
    act = nn.ReLU()
    windows = Function(lambda net, x: net.act(x.reshape(12, 1)).reshape(4, 3), act=act)
    found = seen(windows, images)
    assert found.kernel.tolist() == agreements(images)
    crops = Function(lambda net, x: net.act(torch.cat([x, x + 1])), act=act)
    assert seen(crops, images).left_out == ["act (8, 3) has not the rows of an image side by side"]
    turned = Function(lambda net, x: net.act(x.t()), act=act)
    assert seen(turned, images).left_out == ["act (3, 4) has not the mini-batch first"]


def test_the_generator_is_used_as_by_one_forward_pass(images):
    network = nn.Sequential(nn.Dropout(), nn.ReLU(), nn.Dropout())
    torch.manual_seed(5)
    expected = agreements(nn.functional.dropout(images))
    torch.manual_seed(5)
    assert seen(network, images).kernel.tolist() == expected


def test_nan_is_the_kernel_of_a_network_that_returns_it(images):
    assert seen(Function(lambda _, x: x.relu() * torch.nan), images).kernel.isnan().all()


def test_it_agrees_with_the_literal_protocol_on_a_cell(noise):
    torch.manual_seed(2)
    cell = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
    network = SPACES["nasbench201"].build(cell, 1)
    found = seen(network, noise(6))
    expected = oracle.kernel(network, noise(6), containers=False)
    assert found.kernel.tolist() == expected.tolist()
