"""Searches under a budget: each against a naive one, and what none may do."""

import dataclasses
import itertools

import numpy as np
import oracle_searches as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naswot.scores.aggregates import log_rank
from naswot.search import METHODS, Settings, Table, simulate

PAID = Settings(
    population=4, tournament=2, area_sample=6, warm_up_sample=9, proposals=3, predictions=3
)
FREE = dataclasses.replace(PAID, repeats="free")
methods = pytest.mark.parametrize("method", METHODS)
seeds = st.integers(0, 10**6)
RUNS = 6


def toy(seed, rungs=1, choices=(3, 4, 2), holes=False):
    """Return a space of all combinations, in random order, with random accuracies and costs."""
    generator = np.random.default_rng(seed)
    genes = np.array(list(itertools.product(*map(range, choices))))
    generator.shuffle(genes)
    size = len(genes)
    near = (genes[:, None] != genes).sum(axis=2) == 1
    if holes:  # some have fewer neighbours, some none
        near &= generator.random((size, size)) < 0.3
        near[:3] = False
    width = near.sum(axis=1).max()
    neighbours = np.array([[*np.flatnonzero(row), *[-1] * (width - row.sum())] for row in near])
    scores = generator.normal(size=size).round(1)
    scores[: size // 6] = -np.inf
    return Table(
        fitness=generator.integers(10, 90, (rungs, size)).astype(float),
        cost=generator.uniform(1, 9, (rungs, size)).cumsum(axis=0),
        neighbours=neighbours,
        genes=genes,
        scores=scores,
        scoring=generator.uniform(0, 0.1, size),
        features=np.column_stack([generator.normal(size=(size, 3)), genes == 1, np.ones(size)]),
    )


def rows(trajectory, run):
    mine = trajectory.run == run
    columns = (trajectory.seconds, trajectory.pick, trajectory.rung, trajectory.fitness)
    return list(zip(*(column[mine].tolist() for column in columns), strict=True))


@methods
@pytest.mark.parametrize("rungs", [1, 3])
@pytest.mark.parametrize("chosen", [PAID, FREE, dataclasses.replace(PAID, overrun="keep")])
@pytest.mark.parametrize("holes", [False, True])
def test_every_run_is_the_naive_one(method, rungs, chosen, holes):
    table = toy(rungs, rungs, holes=holes)
    for budget in (0.5, 30.0, 200.0):
        found = simulate(method, table, budget, 7 + np.arange(RUNS), chosen)
        best = found.chosen(RUNS)
        for run in range(RUNS):
            naive = oracle.simulate(method, table, budget, 7 + run, chosen)
            assert [row[1:] for row in rows(found, run)] == [row[1:] for row in naive.log]
            spent = [row[0] for row in rows(found, run)]
            np.testing.assert_allclose(spent, [row[0] for row in naive.log])
            assert found.step[found.run == run].tolist() == list(range(len(naive.log)))
            if naive.log:
                assert found.pick[best[run]] == naive.chosen()[2]
            else:
                assert best[run] == -1


@methods
@given(seed=seeds, budget=st.floats(0, 300), repeats=st.sampled_from(["paid", "free"]))
@settings(max_examples=20, deadline=None)
def test_no_search_sees_an_accuracy_that_it_has_not_paid_for(method, seed, budget, repeats):
    chosen = dataclasses.replace(PAID, repeats=repeats)
    table = toy(seed, rungs=2)
    found = simulate(method, table, budget, np.array([seed]), chosen)
    other = toy(seed + 1, rungs=2).fitness
    other[found.rung, found.pick] = found.fitness
    changed = dataclasses.replace(table, fitness=other)
    again = simulate(method, changed, budget, np.array([seed]), chosen)
    assert rows(found, 0) == rows(again, 0)


@methods
@given(seed=seeds, budget=st.floats(0, 300), overrun=st.sampled_from(["discard", "keep"]))
@settings(max_examples=20, deadline=None)
def test_time_goes_on_and_the_budget_is_kept(method, seed, budget, overrun):
    chosen = dataclasses.replace(PAID, overrun=overrun)
    found = simulate(method, toy(seed), budget, seed + np.arange(3), chosen)
    for run in range(3):
        seconds = found.seconds[found.run == run]
        assert (np.diff(seconds) > 0).all()
        within = seconds if overrun == "discard" else seconds[:-1]
        assert (within <= budget).all()


@methods
@given(seed=seeds, holes=st.booleans())
@settings(max_examples=20, deadline=None)
def test_with_a_budget_for_the_whole_space_the_best_is_found(method, seed, holes):
    table = toy(seed, rungs=2, holes=holes)
    # Scoring costs too; what was trained before is free, or else repeats would use up the budget.
    budget = table.cost.sum() + 1000
    found = simulate(method, table, budget, seed + np.arange(3), FREE)
    assert (found.fitness[found.chosen(3)] == table.fitness[-1].max()).all()
    pairs = np.column_stack([found.run, found.rung, found.pick])
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@methods
@given(seeds=st.lists(seeds, min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_runs_do_not_depend_on_each_other(method, seeds):
    table = toy(0, rungs=2)
    together = simulate(method, table, 100.0, np.array(seeds), PAID)
    for run, seed in enumerate(seeds):
        alone = simulate(method, table, 100.0, np.array([seed]), PAID)
        assert rows(together, run) == rows(alone, 0)


def test_area_starts_from_the_best_scored_of_its_draws():
    table = toy(3)
    table.scoring[:] = 0
    found = simulate("area", table, 100.0, np.array([5]), PAID)
    drawn = (np.random.default_rng(5).random(6) * len(table.scores)).astype(int)
    kept = sorted(table.scores[np.unique(drawn)])[-4:]  # each once
    assert sorted(table.scores[found.pick[:4]]) == kept
    first = simulate("rea", table, 100.0, np.array([5]), PAID)
    assert first.pick[:4].tolist() == drawn[:4].tolist()  # REA's are the first of AREA's draws


@pytest.mark.parametrize("method", ["area", "warm_up", "move_proposal"])
def test_an_aggregate_ranks_only_what_a_run_has_drawn(method):
    table = toy(4)
    members = np.random.default_rng(0).integers(0, 9, (len(table.scores), 2)).astype(float)
    table = dataclasses.replace(table, members=members, rule=log_rank)
    found = simulate(method, table, 200.0, np.arange(RUNS), PAID)
    for run in range(RUNS):
        naive = oracle.simulate(method, table, 200.0, run, PAID)
        assert [row[1:] for row in rows(found, run)] == [row[1:] for row in naive.log]


def test_bohb_promotes_the_best_third():
    table = toy(1, rungs=3)
    found = simulate("bohb", table, table.cost.sum(), np.array([0]), PAID)
    lowest = found.fitness[:9]
    assert found.rung[:13].tolist() == [0] * 9 + [1] * 3 + [2]
    assert sorted(table.fitness[0, found.pick[9:12]]) == sorted(lowest)[-3:]
    assert table.fitness[1, found.pick[12]] == table.fitness[1, found.pick[9:12]].max()


def test_reinforce_learns_a_good_gene():
    table = toy(0)
    fitness = np.where(table.genes[:, 1] == 2, 80.0, 20.0)[None]
    table = dataclasses.replace(table, fitness=fitness, cost=np.ones_like(fitness))
    found = simulate("reinforce", table, 600.0, np.arange(50))
    late = found.step >= 500
    assert (found.fitness[late] == 80).mean() > 0.9
    assert (found.fitness[found.step < 50] == 80).mean() < 0.5
