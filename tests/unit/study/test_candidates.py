"""Candidates are new, keep the limits, and are uniform where the method says so."""

from collections import Counter

import numpy as np
import pytest
from searches import problem_of

from naswot.costs.counting import count_built
from naswot.costs.limits import Limits
from naswot.spaces import nasbench201
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import ChoiceSpace, fitted
from naswot.study.candidates import Candidates, ExhaustedError
from naswot.study.evaluation import counted
from naswot.study.proposing import Method


def line(size, digits=1):
    """Return a space of `digits` whole numbers below `size`, whose cost is their product."""

    def draw(choose):
        return ":".join(str(choose(f"d{k}", range(size))) for k in range(digits))

    return ChoiceSpace("line", "Line", draw, lambda arch, classes: None)


def cost(arch):
    return {"params": float(np.prod([int(digit) for digit in arch.split(":")]))}


def sum_of(arch):
    return float(sum(int(digit) for digit in arch.split(":")))


def candidates(space, limit, count=cost, seen=(), **about):
    about = {"seed": 0} | about
    return Candidates(space, Method(), count, Limits({"params": limit}), seen, **about)


def test_ten_thousand_candidates_keep_the_limits():
    classes, shape = 10, (3, 32, 32)
    space = fitted(choice_space("mobile"), shape)
    limits = Limits({"params": "1M", "flops": "60M"})
    drawn = Candidates(
        space, Method(), lambda arch: space.count(arch, classes, shape), limits, (), seed=0
    )
    found = {}
    while len(found) < 10_000:
        candidate = drawn.next()
        found[candidate.drawn.arch] = candidate.costs
    assert drawn.refused > 1000
    assert all(not limits.broken(costs) for costs in found.values())
    for arch in list(found)[::500]:  # as the built networks are counted
        costs = count_built(lambda arch=arch: space.build(arch, classes), shape)
        assert (costs.params, costs.flops) == tuple(found[arch].values())


def test_random_candidates_are_uniform_among_those_within_the_limits():
    counts = Counter()
    for seed in range(2000):
        counts[candidates(line(10), 4, seed=seed).next().drawn.arch] += 1
    assert set(counts) == set("01234")
    assert min(counts.values()) > 330  # 400 expected, standard deviation 18


def test_a_known_network_is_not_drawn_again():
    drawn = candidates(line(10), 9.5, seen=["3", "4"])
    found = [drawn.next().drawn.arch for _ in range(8)]
    assert sorted(found) == sorted("01256789")
    with pytest.raises(ExhaustedError):
        drawn.next()


def test_rare_networks_are_reached_by_repair():
    # About 1 of 150,000 random networks keeps this limit.
    space = line(1000, digits=2)
    drawn = candidates(space, 5, count=lambda arch: {"params": 1 + sum_of(arch)}, repair=True)
    found = [drawn.next() for _ in range(10)]
    assert all(candidate.costs["params"] <= 5 for candidate in found)


def test_the_sequence_goes_on_where_it_stopped():
    whole = candidates(line(50), 30)
    expected = [whole.next() for _ in range(20)]
    first = candidates(line(50), 30)
    begun = [first.next() for _ in range(7)]
    seen = [candidate.drawn.arch for candidate in begun]
    rest = candidates(line(50), 30, seen=seen, first=begun[-2].draw)
    assert [*begun, *(rest.next() for _ in range(13))] == expected


def test_counts_are_those_of_the_problem():
    problem = problem_of(size=16)
    space = choice_space("nasbench201")
    arch = nasbench201.architectures()[6111]
    assert counted(space, arch, problem) == pytest.approx(dict(space.count(arch, 10, (3, 16, 16))))
