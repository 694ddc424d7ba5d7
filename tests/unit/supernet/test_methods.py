"""Each method does what its formulas say, and what plain loops do."""

import itertools
import math

import numpy as np
import pytest
import torch
from oracle_supernet import PlainNetwork, PlainSearch
from scipy.stats import chisquare
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.supernet import METHODS
from naswot.supernet.cells import CellSpace, nasbench201
from naswot.supernet.controller import Controller
from naswot.supernet.network import Supernet
from naswot.supernet.protocol import PUBLISHED, changed, differences, planned
from naswot.supernet.searcher import Streams, Validation
from naswot.supernet.setn import most_probable

SMALL = {"channels": 4, "cells": 1, "architecture_rate": 0.01}


def images(seed, count=6):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, 3, 8, 8, generator=generator, dtype=torch.float64)
    return drawn, torch.randint(3, (count,), generator=generator)


def searcher_of(method, running=True, space=None, **changes):
    torch.manual_seed(0)
    supernet = Supernet(space or nasbench201(4, 1), 3, running).double()
    protocol = changed(PUBLISHED[method], SMALL | changes)
    return METHODS[method].searcher(supernet, protocol)


def streams(seed=0):
    return Streams(*(torch.Generator().manual_seed(seed + one) for one in range(3)))


def serving(batches):
    """Return a validation set that gives these batches in turn."""
    queue = iter(batches)
    return Validation(lambda count: next(queue), lambda count, augmented: queue)


def three_steps(searcher):
    searcher.begin_epoch(0)
    valid, draws = serving(images(10 + step) for step in range(3)), streams()
    for step in range(3):
        searcher.step(images(step), valid, draws)


@pytest.mark.parametrize("method", METHODS)
def test_three_steps_equal_plain_loops(method):
    searcher = searcher_of(method, clip=None if method == "setn" else 1.0)
    alphas = getattr(searcher, "alphas", None)
    network = PlainNetwork(searcher.supernet, 4, 1, True)
    oracle = PlainSearch(network, alphas, searcher.protocol)
    oracle.controller = getattr(searcher, "controller", None)
    draws = streams().draws
    for step in range(3):
        getattr(oracle, method)(images(step), images(10 + step), draws)
    three_steps(searcher)
    found = PlainNetwork(searcher.supernet, 4, 1, True).state_dict()
    counters = {name for name in found if name.endswith("num_batches_tracked")}
    for name, value in network.state_dict().items():
        if name in counters:
            continue
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=name)
    if alphas is not None:
        torch.testing.assert_close(alphas, oracle.alphas, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", ["darts_v1", "darts_v2", "gdas"])
def test_running_statistics_do_not_change_a_search_that_never_evaluates(method):
    with_them, without = (searcher_of(method, running) for running in (True, False))
    for searcher in (with_them, without):
        three_steps(searcher)
    assert torch.equal(with_them.alphas, without.alphas)
    assert with_them.choose(serving([]), streams()) == without.choose(serving([]), streams())


def test_running_statistics_change_the_choice_of_random_search_and_not_its_weights():
    found = []
    for running in (True, False):
        searcher = searcher_of("rsps", running, candidates=40)
        for _ in range(3):
            three_steps(searcher)
        drawn = serving(images(50, 300) for _ in range(40))
        found.append((list(searcher.supernet.parameters()), searcher.choose(drawn, streams())))
    assert all(torch.equal(*both) for both in zip(found[0][0], found[1][0], strict=True))
    assert found[0][1] != found[1][1]


def test_random_search_tries_each_draw_on_the_next_batch_and_keeps_the_first_best(monkeypatch):
    seen = []

    def accuracy(searcher, genes, batch):
        seen.append((genes, batch))
        return [50.0, 70.0, 70.0, 60.0][len(seen) - 1]

    monkeypatch.setattr("naswot.supernet.selection.accuracy", accuracy)
    chosen = searcher_of("rsps", candidates=4).choose(serving("abcd"), streams(7))
    assert [batch for _, batch in seen] == ["a", "b", "c", "d"]
    assert chosen == seen[1][0]


class Soft(nn.Sequential):
    """A convolution that is smooth in its weights and its input."""

    def __init__(self, channels):
        super().__init__(
            nn.Softplus(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        )


def smooth_space():
    """Return a space of one's own without ReLUs: two edges, one cell."""

    def network(cell, classes):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), cell(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(4, classes),
        )  # fmt: skip

    operations = {"none": None, "skip": lambda channels: nn.Identity(), "soft": Soft}
    return CellSpace("smooth", [(0, 1), (0, 2), (1, 2)], operations, network, str)


def test_at_rate_0_the_second_order_is_the_first():
    searcher = searcher_of("darts_v2", learning_rate=0.0, last_rate=0.0)
    searcher.begin_epoch(0)
    found, loss = searcher.unrolled(images(0), images(1))
    expected = searcher.loss(searcher.supernet, images(1), searcher.mixed())
    assert loss.item() == pytest.approx(expected.item())
    (slope,) = torch.autograd.grad(expected, [searcher.alphas])
    torch.testing.assert_close(found, slope, rtol=1e-9, atol=1e-12)


def test_the_second_order_approaches_double_backward_on_a_smooth_network():
    searcher = searcher_of("darts_v2", space=smooth_space(), learning_rate=0.3)
    three_steps(searcher)  # so that there is momentum
    rate, how = searcher.protocol.rate(0), searcher.protocol
    supernet, weights = searcher.supernet, dict(searcher.supernet.named_parameters())
    buffers = {name: value.clone() for name, value in supernet.named_buffers()}

    def loss(values, batch):
        arguments = (batch[0], searcher.mixed())
        logits = torch.func.functional_call(supernet, values | dict(buffers), arguments)
        return functional.cross_entropy(logits, batch[1])

    slopes = torch.autograd.grad(loss(weights, images(5)), weights.values(), create_graph=True)
    moved = {}
    for (name, weight), slope in zip(weights.items(), slopes, strict=True):
        momentum = searcher.optimiser.state[weight]["momentum_buffer"]
        step = how.momentum * momentum + slope + how.weight_decay * weight
        moved[name] = weight - rate * step
    (exact,) = torch.autograd.grad(loss(moved, images(6)), [searcher.alphas])
    first = torch.autograd.grad(loss({k: v.detach() for k, v in moved.items()}, images(6)),
                                [searcher.alphas])[0]  # fmt: skip
    errors = [
        (searcher.unrolled(images(5), images(6), radius)[0] - exact).norm() / (exact - first).norm()
        for radius in (0.1, 0.01, 0.001)
    ]
    assert errors[1] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.2)  # it falls with the square
    assert errors[2] < 1e-4


def test_an_architecture_step_leaves_the_network_as_it_was():
    searcher = searcher_of("darts_v2")
    three_steps(searcher)
    kept = searcher.supernet.state_dict() | {
        str(place): state["momentum_buffer"]
        for place, state in enumerate(searcher.optimiser.state.values())
    }
    before = {name: value.clone() for name, value in kept.items()}
    searcher.unrolled(images(5), images(6))
    assert all(torch.equal(value, before[name]) for name, value in kept.items())


def test_a_gumbel_draw_runs_one_operation_an_edge():
    searcher = searcher_of("gdas")
    searcher.begin_epoch(0)
    path, gates = searcher.draw(streams().draws)
    torch.testing.assert_close(
        searcher.supernet.path(images(0)[0], path, gates),
        searcher.supernet.path(images(0)[0], path),
        rtol=1e-10,
        atol=1e-10,
    )


@pytest.mark.parametrize("published", [True, False])
def test_gates_that_were_not_drawn_get_the_gradient_of_their_node(published):
    searcher = searcher_of("gdas", gates=published, space=smooth_space())
    searcher.begin_epoch(0)
    path, gates = searcher.draw(streams().draws)
    node = torch.zeros((), dtype=torch.float64, requires_grad=True)
    cell = searcher.supernet.body[1]
    following = cell.register_forward_hook(lambda module, given, found: found + node)
    gates = gates.detach().requires_grad_()
    searcher.supernet.path(images(0)[0], path, gates).square().sum().backward()
    following.remove()
    for edge in (1, 2):  # those that end at the output node, to which `node` is added
        others = [gene for gene in range(3) if gene != path[edge]]
        torch.testing.assert_close(gates.grad[edge, others], node.grad.expand(2))
    _, drawn = searcher.draw(streams().draws)
    searcher.alphas.grad = None
    drawn[1, [gene for gene in range(3) if gene != path[1]]].sum().backward()
    assert bool(searcher.alphas.grad[1].any()) == published


def test_a_draw_that_is_not_finite_is_repeated(monkeypatch):
    searcher, calls = searcher_of("gdas"), []
    exponential = torch.Tensor.exponential_

    def faulty(self, **options):
        calls.append(exponential(self, **options))
        return calls[-1].zero_() if len(calls) == 1 else calls[-1]

    monkeypatch.setattr(torch.Tensor, "exponential_", faulty)
    _, gates = searcher.draw(streams().draws)
    assert len(calls) == 2
    assert torch.isfinite(gates).all()


@pytest.mark.parametrize("temperature", [10.0, 0.1])
def test_draws_follow_the_softmax_at_any_temperature(temperature):
    searcher = searcher_of("gdas", temperatures=(temperature, temperature))
    searcher.begin_epoch(0)
    with torch.no_grad():
        searcher.alphas.copy_(torch.linspace(-1, 1, 30).reshape(6, 5))
        draws = streams().draws
        found = np.array([searcher.draw(draws)[0] for _ in range(2000)])
    for edge, shares in enumerate(searcher.probabilities().numpy()):
        counts = np.bincount(found[:, edge], minlength=5)
        assert chisquare(counts, 2000 * shares / shares.sum()).pvalue > 1e-4


def test_the_most_probable_architectures_are_those_of_all():
    shares = torch.rand(6, 5, generator=torch.Generator().manual_seed(3)).double().softmax(1)
    everyone = list(itertools.product(range(5), repeat=6))
    products = np.array([math.prod(shares[e, g].item() for e, g in enumerate(a)) for a in everyone])
    assert products.sum() == pytest.approx(1)
    best = [everyone[place] for place in np.argsort(-products, kind="stable")[:100]]
    assert most_probable(shares, 100) == best


def test_a_controller_gives_every_architecture_its_probability():
    torch.manual_seed(0)
    controller = Controller(smooth_space()).double()
    everyone = list(itertools.product(range(3), repeat=3))
    logs = [controller(genes=genes)[1] for genes in everyone]
    assert torch.stack(logs).exp().sum().item() == pytest.approx(1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        drawn = [controller(generator)[0] for _ in range(3000)]
    counts = [drawn.count(genes) for genes in everyone]
    expected = torch.stack(logs).exp().detach().numpy() * 3000
    assert chisquare(counts, expected * sum(counts) / expected.sum()).pvalue > 1e-4


def test_a_log_probability_is_the_sum_over_edges_by_hand():
    torch.manual_seed(0)
    controller = Controller(smooth_space()).double()
    state = [torch.zeros(32, dtype=torch.float64) for _ in range(4)]  # h and c of both layers
    value, total, entropies = controller.first[0, 0], 0.0, 0.0

    def cell(layer, x, h, c):
        names = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
        w, b, u, a = (getattr(controller.lstm, f"{name}_l{layer}") for name in names)
        i, f, g, o = (w @ x + b + u @ h + a).chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    for gene in (2, 0, 1):
        state[0], state[1] = cell(0, value, state[0], state[1])
        state[2], state[3] = cell(1, state[0], state[2], state[3])
        hidden = controller.last.weight @ state[2] + controller.last.bias
        shares = (2.5 * torch.tanh(hidden / 5.0)).softmax(0)
        total = total + shares[gene].log()
        entropies = entropies - (shares * shares.log()).sum()
        value = controller.embedding.weight[gene]
    _, likely, entropy = controller(genes=(2, 0, 1))
    torch.testing.assert_close(likely, total)
    torch.testing.assert_close(entropy, entropies)


def test_the_expected_step_of_the_controller_is_the_gradient_of_the_expected_reward():
    searcher = searcher_of("enas", space=smooth_space(), controller={"entropy": 0.0})
    rewards = {genes: sum(genes) / 6 for genes in itertools.product(range(3), repeat=3)}
    parameters = list(searcher.controller.parameters())
    expected, steps = 0.0, 0.0
    for genes, right in rewards.items():
        _, likely, entropy = searcher.controller(genes=genes)
        steps = steps + likely.detach().exp() * searcher.loss_of(right, likely, entropy, 0.3)
        expected = expected - likely.exp() * right * 0.99  # a reward moves its baseline by .01
    for step, slope in zip(
        torch.autograd.grad(steps, parameters, retain_graph=True),
        torch.autograd.grad(expected, parameters),
        strict=True,
    ):
        torch.testing.assert_close(step, slope, rtol=1e-7, atol=1e-12)


def test_the_baseline_stays_in_an_epoch_and_the_last_reward_moves_it():
    searcher = searcher_of("enas", space=smooth_space(), controller={"steps": 2, "samples": 3})
    batches = [images(number) for number in range(12)]
    seen = []
    loss_of = searcher.loss_of

    def watched(right, likely, entropy, before):
        loss = loss_of(right, likely, entropy, before)
        reward = right + 1e-4 * entropy.item()
        expected = right if before is None else before - 0.01 * (before - reward)
        assert searcher.baseline.value == pytest.approx(expected)
        assert loss.item() == pytest.approx(-likely.item() * (reward - expected))
        seen.append((before, searcher.baseline.value))
        return loss

    searcher.loss_of = watched
    for _ in range(2):
        searcher.end_epoch(serving(batches), streams())
    assert [before for before, _ in seen] == [None] * 6 + [seen[5][1]] * 6


def test_rates_and_temperatures_follow_the_published_schedules():
    for method, epochs in (("darts_v1", 50), ("gdas", 250)):
        rates = [PUBLISHED[method].rate(epoch) for epoch in range(epochs)]
        expected = [
            0.001 + 0.024 * (1 + math.cos(math.pi * epoch / epochs)) / 2 for epoch in range(epochs)
        ]
        assert rates == pytest.approx(expected)
    enas = PUBLISHED["enas"]
    assert [enas.rate(epoch) for epoch in (0, 10, 20)] == pytest.approx([0.05, 0.0005, 0.05])
    assert enas.rate(7) == pytest.approx(enas.rate(13))
    gdas = PUBLISHED["gdas"]
    assert [gdas.temperature(epoch) for epoch in (0, 249)] == pytest.approx([10, 0.1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("changes", [{}, {"epochs": 7, "batch_size": 32}])
def test_a_reduced_protocol_lets_architectures_travel_as_far(method, changes):
    published, small = PUBLISHED[method], planned(method, "reduced", changes, images=640)
    travel = published.architecture_rate * published.epochs * -(-25_000 // published.batch_size)
    steps = small.epochs * 640 // small.batch_size
    assert small.architecture_rate * steps == pytest.approx(travel)
    fixed = planned(method, "reduced", {"architecture_rate": 0.1}, images=640)
    assert fixed.architecture_rate == 0.1
    texts = " ".join(differences(method, small))
    assert "cells = 1 instead of 5" in texts
    assert ("architecture_rate = " in texts) == (method not in ("rsps", "enas"))
    assert ("controller.steps = 10 instead of 50" in texts) == (method == "enas")
    same = planned(method, "published", {"temperatures": [10, 0.1], "gates": True}, images=640)
    assert differences(method, same) == []


def test_settings_that_there_are_not_are_named():
    with pytest.raises(NaswotError, match="'epoch' is not a setting of a search; there are epochs"):
        planned("rsps", "reduced", {"epoch": 3}, images=640)
    with pytest.raises(NaswotError, match="'step' is not a setting of a search; there are steps"):
        planned("enas", "published", {"controller": {"step": 3}}, images=640)
