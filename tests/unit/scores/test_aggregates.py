"""Several scores are put together by the ranks that they give to a pool of networks."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from naswot import rank
from naswot.scores import AGGREGATES, FAMILY_OF, members_of
from naswot.scores import aggregates as subject
from naswot.scores.custom import needs_of

values = st.one_of(st.floats(-5, 5), st.sampled_from([-np.inf, np.inf, np.nan, 0.0]))
pools = st.lists(st.tuples(values, values, values), min_size=1, max_size=12)


def better(one: float, other: float) -> int:
    """Return 1, 0 or −1: whether one score is better; NaN is worse than any number."""
    one_known, other_known = not np.isnan(one), not np.isnan(other)
    if one_known and other_known:
        return int(one > other) - int(one < other)
    return int(one_known) - int(other_known)


def counted_rank(value: float, column: list[float]) -> float:
    """Return 1 and one more for each network that is beaten, half of one for each equal one."""
    beaten = sum(better(value, other) > 0 for other in column)
    equal = sum(better(value, other) == 0 for other in column)
    return beaten + (equal + 1) / 2


@given(pools)
def test_a_sum_of_log_ranks_is_counted_network_by_network(rows):
    columns = list(zip(*rows, strict=True))
    expected = [
        sum(
            math.log(counted_rank(value, column) / len(rows))
            for value, column in zip(row, columns, strict=True)
        )
        for row in rows
    ]
    assert subject.log_rank(np.array(rows, float)).tolist() == pytest.approx(expected)


@given(pools)
def test_a_mean_of_ranks_is_counted_network_by_network(rows):
    columns = list(zip(*rows, strict=True))
    expected = [
        sum(counted_rank(value, column) for value, column in zip(row, columns, strict=True))
        / (3 * len(rows))
        for row in rows
    ]
    assert subject.mean_rank(np.array(rows, float)).tolist() == pytest.approx(expected)


@given(pools)
def test_the_vote_is_counted_pair_by_pair(rows):
    counts = [0.0] * len(rows)
    for i, j in itertools.permutations(range(len(rows)), 2):
        balance = sum(better(one, other) for one, other in zip(rows[i], rows[j], strict=True))
        counts[i] += 1.0 if balance > 0 else 0.5 if balance == 0 else 0.0
    np.testing.assert_array_equal(subject.vote(np.array(rows, float)), counts)


def test_the_vote_is_the_same_in_blocks():
    scores = np.random.default_rng(0).normal(size=(subject.BLOCK + 40, 3)).round(1)
    beaten = np.sign(scores[:, None] - scores[None]).sum(axis=2)
    expected = ((beaten > 0) + 0.5 * (beaten == 0)).sum(axis=1) - 0.5
    np.testing.assert_array_equal(subject.vote(scores), expected)


def test_aggregates_are_of_known_scores_by_known_rules():
    for name, aggregate in AGGREGATES.items():
        assert name not in FAMILY_OF
        assert aggregate.by in subject.RULES
        assert set(aggregate.scores) <= FAMILY_OF.keys()
        assert needs_of(name)
    assert members_of(["vote", "snip", "params"]) == ["synflow", "jacob_cov", "snip", "params"]


def test_networks_are_ranked_by_an_aggregate():
    def network(width):
        return nn.Sequential(
            nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3),
            nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10),
        )  # fmt: skip

    models = {f"width {width}": lambda width=width: network(width) for width in (2, 8, 4)}
    models["broken"] = lambda: nn.Linear(3, 10)
    frame = rank(models, torch.randn(6, 3, 8, 8), scores=["vote", "params"])
    assert list(frame)[:6] == ["network", "vote", "params", "synflow", "jacob_cov", "snip"]
    members = frame[list(AGGREGATES["vote"].scores)].to_numpy()[:3]
    assert frame["vote"].tolist()[:3] == subject.vote(members).tolist()
    assert (np.diff(frame["vote"][:3]) <= 0).all()
    assert math.isnan(frame["vote"][3])
    assert frame["network"][3] == "broken"


def test_a_network_that_fails_has_no_aggregate_although_its_size_is_known():
    def network(c_in):
        return nn.Sequential(
            nn.Conv2d(c_in, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10),
        )  # fmt: skip

    models = {f"{c_in} channels": lambda c_in=c_in: network(c_in) for c_in in (5, 3)}
    frame = rank(models, torch.randn(6, 3, 8, 8), scores="ensemble").set_index("network")
    assert frame["params"].notna().all()
    assert frame["ensemble"].isna().tolist() == [False, True]
    assert frame.at["3 channels", "ensemble"] == 0  # ln 1 for each member: the only one
