"""Networks chosen by score are compared with random ones as plain loops would compare them."""

import itertools

import numpy as np
import pandas as pd
import pytest

from naswot.analysis.search_study_trained import (
    SUMMARY,
    by_chance,
    picked,
    summarise,
    weighted_quantiles,
    welch,
)


def test_the_probability_by_chance_is_that_of_all_splits():
    a, b = np.array([3.0, 5.0, 4.0]), np.array([1.0, 2.0, 3.5, 2.5])
    found = abs(a.mean() - b.mean())
    every = np.concatenate([a, b])
    splits = [
        abs(every[list(chosen)].mean() - np.delete(every, chosen).mean())
        for chosen in itertools.combinations(range(7), 3)
    ]
    assert by_chance(a, b) == pytest.approx(np.mean(np.array(splits) >= found - 1e-12))


def test_what_k_trained_networks_find_is_the_mean_over_all_choices():
    generator = np.random.default_rng(0)
    valid, test = generator.random(7), generator.random(7)
    accuracies, weights = picked(valid, test, 3)
    found = [
        test[max(chosen, key=lambda n: valid[n])] for chosen in itertools.combinations(range(7), 3)
    ]
    assert accuracies @ weights == pytest.approx(np.mean(found))
    assert weights.sum() == pytest.approx(1)
    low, high = weighted_quantiles(accuracies, weights, (0.2, 0.8))
    assert [low, high] == [np.quantile(found, q, method="inverted_cdf") for q in (0.2, 0.8)]


def test_the_interval_of_a_difference_covers_it_as_often_as_it_says():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(2000):
        low, high = welch(generator.normal(1, 1, 20), generator.normal(0, 3, 5))
        covered += low <= 1 <= high
    assert 0.93 < covered / 2000 < 0.97


def test_the_summary_leaves_out_networks_that_failed():
    table = pd.DataFrame(
        {
            "random": [True, True, True, False, False, False],
            "best": [False, True, False, True, True, False],
            "largest": [False, False, True, True, False, True],
            "score": [1.0, 5.0, 2.0, 6.0, 7.0, 3.0],
            "params": [10, 20, 30, 40, 25, 35],
            "flops": [1, 2, 3, 4, 5, 6],
            "valid_accuracy": [50.0, 60.0, 55.0, 70.0, np.nan, 52.0],
            "test_accuracy": [51.0, 61.0, 54.0, 69.0, np.nan, 53.0],
        }
    )
    rows = summarise(table, 100, 0)
    assert list(rows.columns) == SUMMARY
    means = rows[rows["quantity"] == "mean accuracy"].set_index("of")
    assert means.loc["best", "value"] == 65.0
    assert list(means["n"]) == [3, 2, 3]
    difference = rows[(rows["quantity"] == "difference") & (rows["of"] == "best")].iloc[0]
    assert difference["value"] == pytest.approx(65 - 166 / 3)
