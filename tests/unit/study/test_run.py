"""A search draws, scores and records networks; it can be ended anywhere and goes on."""

import dataclasses
import time

import numpy as np
import pytest
from searches import problem_of, search

from naswot import rank
from naswot.errors import NaswotError
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import draw as draw_of
from naswot.spaces.choices import draw_random
from naswot.study.candidates import Candidate
from naswot.study.records import Record
from naswot.study.results import ranked
from naswot.study.storage import Storage
from naswot.study.workers import Workers


def drawn(records):
    return {record.draw: record.drawn.arch for record in records}


@pytest.fixture(scope="module")
def random_search(tmp_path_factory):
    problem = problem_of(limits={"params": 20_000})
    return problem, *search(problem, tmp_path_factory.mktemp("search") / "study.journal")


def test_every_network_is_scored_as_naswot_rank_scores_it(random_search):
    problem, why, records = random_search
    assert why == "networks"
    assert len(records) == 20
    space = choice_space(problem.source.space)
    networks = {r.drawn.arch: lambda r=r: space.build(r.drawn.arch, 10) for r in records}
    table = rank(networks, problem.images, ["naswot", "flops"]).set_index("network")
    for record in records:
        row = table.loc[record.drawn.arch]
        assert record.scores["naswot"] == row["naswot"]
        assert record.costs == {"params": row["params"], "flops": row["flops"]}


def test_no_network_breaks_a_limit_and_none_is_scored_twice(random_search):
    problem, _, records = random_search
    assert all(record.costs["params"] <= 20_000 for record in records)
    assert len({record.drawn.arch for record in records}) == len(records)
    assert not any(problem.limits.broken(record.costs) for record in records)


def test_random_search_is_the_same_interrupted_or_with_more_processes(
    random_search, tmp_path, monkeypatch
):
    problem, _, records = random_search
    where = tmp_path / "study.journal"

    def interrupt(records, refused):
        if len(records) % 7 == 5:
            raise KeyboardInterrupt

    add, left = Storage.add, [3]

    def interrupt_before_writing(self, record, values):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        add(self, record, values)

    reasons = [search(problem, where, jobs=2, watch=interrupt)[0]]
    monkeypatch.setattr(Storage, "add", interrupt_before_writing)
    reasons += [search(problem, where, jobs=2)[0]]
    monkeypatch.setattr(Storage, "add", add)
    reasons += [search(problem, where, watch=interrupt)[0], search(problem, where, jobs=2)[0]]
    again = search(problem, where)[1]
    assert reasons == ["interrupted", "interrupted", "interrupted", "networks"]
    # Those that were being scored at an interruption are kept too.
    assert drawn(again).items() >= drawn(records).items()
    assert len(again) <= 20 + 3


def late_networks(where, method):
    """Return score and parameters of the last 128 of 448 networks, (128, 2)."""
    problem = problem_of(limits={"params": 20_000})
    why, records = search(problem, where, method=method, networks=448)
    assert why == "networks"
    return np.array([[one.scores["naswot"], one.costs["params"]] for one in records])[-128:]


@pytest.fixture(scope="module")
def random_networks(tmp_path_factory):
    return late_networks(tmp_path_factory.mktemp("random") / "study.journal", "random")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["evolution", "nsga2", "tpe"])
def test_methods_draw_better_networks_than_random_search(method, random_networks, tmp_path):
    def beaten(networks):
        """Return the mean share of the random networks that score more with fewer parameters."""
        score, params = random_networks.T
        return np.mean([np.mean((score > s) & (params < p)) for s, p in networks])

    assert beaten(late_networks(tmp_path / "study", method)) < 0.75 * beaten(random_networks)


def test_evolution_ranks_an_aggregate_within_its_population(tmp_path):
    problem = problem_of(scores=["vote", "synflow", "jacob_cov", "snip"])
    _, records = search(problem, tmp_path / "a", method="evolution", networks=80, jobs=2)
    table = ranked(problem, records)
    assert table["vote"].notna().all()
    assert table["vote"].is_monotonic_decreasing
    assert table["draw"].head(10).mean() > table["draw"].tail(10).mean()


def test_a_small_space_ends_when_all_its_networks_are_scored(tmp_path):
    (tmp_path / "few.py").write_text(
        "from torch import nn\n"
        "choices = {'width': [2, 4, 6, 8]}\n"
        "def build(width):\n"
        "    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Flatten())\n"
    )
    why, records = search(problem_of(space=tmp_path / "few.py"), tmp_path / "study")
    assert why == "exhausted"
    assert len(records) == 4


FRAIL = """
import os
from torch import nn
choices = {"width": [2, 4, 6, 8], "kind": ["good", "raises", "crashes", "no ReLU"]}
def build(width, kind):
    if kind == "raises":
        raise ValueError("no such kernel")
    if kind == "crashes" and width > 4:
        os._exit(1)
    middle = nn.Tanh() if kind == "no ReLU" else nn.ReLU()
    return nn.Sequential(nn.Conv2d(3, width, 3), middle, nn.Flatten())
"""


@pytest.mark.slow
def test_networks_that_fail_or_crash_are_noted_and_the_others_are_scored(tmp_path):
    (tmp_path / "frail.py").write_text(FRAIL)
    problem = problem_of(space=tmp_path / "frail.py")
    why, records = search(problem, tmp_path / "study", jobs=2)
    assert why == "exhausted"
    by_kind = {}
    for record in records:
        by_kind.setdefault(record.drawn.choices["kind"], []).append(record)
    assert {kind: len(found) for kind, found in by_kind.items()} == {
        "good": 4, "raises": 4, "crashes": 4, "no ReLU": 4,
    }  # fmt: skip
    assert all(record.failed and "no such kernel" in record.note for record in by_kind["raises"])
    crashed = [record for record in by_kind["crashes"] if record.failed]
    assert {record.drawn.choices["width"] for record in crashed} == {6, 8}
    assert all("ends its process" in record.note for record in crashed)
    assert all("ReLU" in record.note and not record.failed for record in by_kind["no ReLU"])
    table = ranked(problem, records)
    assert set(table["network"][:6]) == {
        record.drawn.arch for record in records if np.isfinite(record.scores.get("naswot", np.nan))
    }


def test_a_search_whose_networks_all_fail_ends_with_the_reason(tmp_path):
    (tmp_path / "broken.py").write_text(
        "choices = {'width': list(range(100))}\ndef build(width):\n    raise ValueError('no')\n"
    )
    with pytest.raises(NaswotError, match=r"first 20 networks all failed.*build.*no"):
        search(problem_of(space=tmp_path / "broken.py"), tmp_path / "study", networks=50)


def test_a_process_that_dies_between_two_candidates_ends_no_search(tmp_path):
    (tmp_path / "frail.py").write_text(FRAIL)
    problem = problem_of(space=tmp_path / "frail.py")
    space = choice_space(problem.source.space)

    def candidate(kind, draw):
        choices = {"width": 8, "kind": kind}
        made = draw_of(space, lambda name, options: choices[name])
        return Candidate(made, draw, {})

    with Workers(problem, 1) as workers:
        workers.submit(candidate("crashes", 0))
        while not all(future.done() for future in workers._running):
            time.sleep(0.05)
        workers.submit(candidate("good", 1))
        found = [*workers.collect()]
    assert [(one.draw, one.failed) for one in found] == [(0, True), (1, False)]


def test_a_latency_that_no_network_reaches_ends_the_search(tmp_path):
    problem = problem_of(
        limits={"latency": "1us"}, costs=("params", "latency"), latency="searches:a_second"
    )
    message = r"None of the first 200 networks keeps .* exceeds them by"
    with pytest.raises(NaswotError, match=message):
        search(problem, tmp_path / "study", networks=5)


def test_scores_that_are_not_finite_are_last_and_not_on_the_front():
    problem = problem_of()
    drawn = draw_random(choice_space(problem.source.space), np.random.default_rng(0))
    scores = [3.0, -np.inf, np.inf, 2.0, np.nan]
    records = [
        Record(
            dataclasses.replace(drawn, arch=str(number)),
            number,
            scores={"naswot": score},
            costs={"params": 10.0 - number, "flops": 1.0},
            seconds=1.0,
        )
        for number, score in enumerate(scores)
    ]
    table = ranked(problem, records)
    assert list(table["network"][:2]) == ["0", "3"]
    assert list(table["front"]) == [True, True, False, False, False]
