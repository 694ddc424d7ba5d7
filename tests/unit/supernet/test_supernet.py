"""A supernet computes what its networks compute one by one, and so do its gradients."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracle_supernet import PlainNetwork
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.spaces.nasbench201.network import Cell, Network, ReLUConvBN
from naswot.supernet.cells import CellSpace, nasbench201
from naswot.supernet.network import Supernet

genes = st.tuples(*[st.integers(0, 4)] * 6)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, 8, 8, generator=generator, dtype=torch.float64)
    return images, torch.arange(6) % 3


def made(running=True, cells=1):
    torch.manual_seed(0)
    return Supernet(nasbench201(4, cells), 3, running).double().train()


def plain(supernet, running=True, cells=1):
    return PlainNetwork(supernet, 4, cells, running)


def gradients(loss, parameters):
    parameters = list(parameters)
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [
        torch.zeros_like(parameter) if slope is None else slope
        for parameter, slope in zip(parameters, found, strict=True)
    ]


def compare_gradients(supernet, loss, oracle, expected):
    """Compare the gradients of all weights, edge by edge."""
    for parameter, slope in zip(
        supernet.parameters(), gradients(loss, supernet.parameters()), strict=True
    ):
        parameter.data = slope
    known = dict(plain(supernet).named_parameters())
    slopes = gradients(expected, oracle.parameters())
    for (name, _), slope in zip(oracle.named_parameters(), slopes, strict=True):
        torch.testing.assert_close(known[name].data, slope, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("running", [True, False])
def test_a_mixture_is_the_sum_of_all_operations_edge_by_edge(running, batch):
    supernet = made(running, cells=2)
    oracle = plain(supernet, running, cells=2)
    weights = torch.rand(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        supernet(batch[0], weights), oracle.mixture(batch[0], weights), rtol=1e-12, atol=1e-12
    )
    for mode in (supernet, oracle):
        mode.eval()
    torch.testing.assert_close(  # with the running statistics of the first pass
        supernet(batch[0], weights), oracle.mixture(batch[0], weights), rtol=1e-12, atol=1e-12
    )


def test_gradients_of_a_mixture_are_those_edge_by_edge(batch):
    supernet = made()
    oracle = plain(supernet)
    alphas = torch.rand(6, 5, dtype=torch.float64, requires_grad=True)
    loss = functional.cross_entropy(supernet(batch[0], alphas), batch[1])
    expected = functional.cross_entropy(oracle.mixture(batch[0], alphas), batch[1])
    torch.testing.assert_close(
        *(torch.autograd.grad(one, alphas, retain_graph=True)[0] for one in (loss, expected)),
        rtol=1e-9,
        atol=1e-12,
    )
    compare_gradients(supernet, loss, oracle, expected)


def test_the_gradient_of_the_weights_of_operations_is_that_of_central_differences(batch):
    supernet = made()
    alphas = torch.rand(6, 5, dtype=torch.float64, requires_grad=True)

    def loss(values):
        return functional.cross_entropy(supernet(batch[0], values), batch[1])

    (found,) = torch.autograd.grad(loss(alphas), alphas)
    for place in itertools.product(range(6), range(5)):
        step = torch.zeros_like(alphas)
        step[place] = 1e-6
        with torch.no_grad():
            slope = (loss(alphas + step) - loss(alphas - step)) / 2e-6
        assert found[place].item() == pytest.approx(slope.item(), abs=1e-7)


@given(genes)
def test_a_path_is_a_mixture_of_one_operation_an_edge_and_the_network_itself(path):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, 8, 8, generator=generator, dtype=torch.float64)
    supernet = made()
    weights = functional.one_hot(torch.tensor(path), 5).double()
    found = supernet.path(images, path)
    torch.testing.assert_close(found, supernet(images, weights), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, plain(supernet).path(images, path), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, alone(supernet, path).train()(images), rtol=1e-12, atol=1e-12)


def alone(supernet, path):
    """Return the network of an architecture as the space builds it, with the shared weights."""
    names = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
    operations = [names[gene] for gene in path]
    network = Network(
        lambda c_in, c_out: Cell(operations, c_in, c_out), [[4], [8], [16]], [8, 16], 3
    ).double()
    state, shared = network.state_dict(), plain(supernet).state_dict()
    for name, value in state.items():
        parts = name.split(".")
        if "layers" in parts:  # cells.K.layers.EDGE.op.{1,2}.…; the shared ones have no affine
            edge, (layer, what) = int(parts[3]), parts[-2:]
            key = f"body.cells.{parts[1]}.edges.{edge}.{path[edge]}.{layer}.{what}"
            state[name] = shared.get(key, value)
        else:
            state[name] = shared[f"body.{name}"]
    network.load_state_dict(state)
    return network


def test_gates_multiply_an_operation_and_add_those_of_the_others(batch):
    supernet = made()
    oracle, path = plain(supernet), (3, 0, 1, 2, 4, 0)
    gates = torch.rand(6, 5, dtype=torch.float64, requires_grad=True)
    loss = functional.cross_entropy(supernet.path(batch[0], path, gates), batch[1])
    expected = functional.cross_entropy(oracle.gated(batch[0], path, gates), batch[1])
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    compare_gradients(supernet, loss, oracle, expected)


def test_a_cell_without_any_operation_gives_zeros(batch):
    supernet = made()
    loss = functional.cross_entropy(supernet.path(batch[0], (0,) * 6), batch[1])
    loss.backward()
    assert supernet.body.classifier.bias.grad.abs().sum() > 0


def test_evaluating_a_path_uses_its_own_running_statistics(batch):
    supernet = made()
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    supernet.path(batch[0], (3, 0, 0, 3, 0, 0))
    means = {
        name: value
        for name, value in supernet.state_dict().items()
        if "operations" in name and name.endswith("running_mean")
    }
    changed = {name for name, value in means.items() if not torch.equal(value, before[name])}
    assert changed == {f"body.cells.{cell}.operations.0.3.norm.running_mean" for cell in (0, 2, 4)}
    for name in changed:  # edges 0→1 and 0→3 changed, 0→2 did not
        first, second, third = means[name].chunk(3)
        assert [part.any().item() for part in (first, second, third)] == [True, False, True]


class Halved(ReLUConvBN):
    """An operation of one's own, made from one that edges share."""

    def __init__(self, channels):
        super().__init__(channels, channels, 3)

    def forward(self, x):
        return super().forward(x) / 2


def test_an_operation_made_from_one_that_edges_share_is_run_as_it_is(batch):
    def network(cell, classes):
        return nn.Sequential(cell(3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))

    edges = [(0, 1), (0, 2), (1, 2)]
    found = []
    for make in (Halved, lambda channels: ReLUConvBN(channels, channels, 3)):
        torch.manual_seed(0)
        space = CellSpace("mine", edges, {"none": None, "conv": make}, network, str)
        supernet = Supernet(space, 2, True).double()
        with torch.no_grad():
            for weight in supernet.parameters():
                weight.fill_(0.1)
            found.append(supernet.body[0])
            supernet.path(batch[0], (0, 1, 0))
    halved, whole = (module.operations[0]["1"] for module in found)
    torch.testing.assert_close(2 * halved.one(batch[0], 1), whole.one(batch[0], 1))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([(0, 1), (2, 1)], r"edge \(2, 1\) does not lead to a later node"),
        ([(0, 1), (0, 3), (1, 3)], "no edge enters node 2"),
        ([(1, 2)], "no edge enters node 1"),
        ([(0, 1), (0, 2)], "no edge leaves node 1"),
    ],
)
def test_edges_that_are_no_cell_are_named(edges, message):
    with pytest.raises(NaswotError, match=message):
        CellSpace("mine", edges, {"skip": lambda channels: nn.Identity()}, None, None)
