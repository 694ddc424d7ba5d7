"""nDCG, precision and regret of the networks that a score puts first."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.analysis import top

accuracies = st.lists(st.integers(1, 99), min_size=1, max_size=15)


@given(accuracies, st.integers(1, 20))
def test_metrics_are_those_of_their_definitions(found, k):
    """`found` are the accuracies in the order of the score."""
    first, best = found[:k], sorted(found, reverse=True)[:k]

    def gain(order):
        return sum((2 ** (a / 100) - 1) / math.log2(1 + place) for place, a in enumerate(order, 1))

    values = np.array(found, float)
    assert top.ndcg(values, k) == pytest.approx(gain(first) / gain(best))
    assert top.precision(values, k) == sum(a >= best[-1] for a in first) / len(first)
    assert top.regret(values, k) == max(found) - max(first)


def test_the_best_order_has_the_best_metrics():
    found = np.arange(99.0, 0, -1)
    assert [top.ndcg(found, 10), top.precision(found, 10), top.regret(found, 10)] == [1, 1, 0]


def test_scores_that_are_no_numbers_come_last():
    score = np.array([np.nan, 1.0, -np.inf, np.inf, 1.0])
    assert top.ordered(score, np.arange(5.0)).tolist() == [3, 1, 4, 2, 0]


def test_intervals_hold_the_value_and_narrow_with_more_networks():
    generator, widths = np.random.default_rng(0), []
    for count in (60, 600):
        accuracy = generator.uniform(10, 95, count)
        score = accuracy + 30 * generator.random(count)
        accuracy[:5] = np.nan
        rows = pd.DataFrame(top.top_rows(score, accuracy, 200, 0)).set_index(["metric", "k"])
        assert set(rows.index.get_level_values("k")) == {1, 10, *([100] if count > 100 else [])}
        assert (rows["low"] <= rows["high"]).all()
        ten = rows.loc["ndcg", 10]
        assert ten["low"] <= ten["value"] <= ten["high"]
        widths.append(ten["high"] - ten["low"])
    assert widths[1] < widths[0]
    assert np.isnan(top.top_rows(score, accuracy, 0, 0)[0]["low"])
