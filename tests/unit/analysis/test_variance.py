"""Components of variance are those of a textbook, and stability is what was measured."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from naswot.analysis.rankings import kendall
from naswot.analysis.stability import (
    REPEATED,
    averages_of,
    estimate_variance,
    reliability,
    split_averages,
    stability_of,
)
from naswot.analysis.variance import COMPONENTS, components, decompose, mean_squares, shares
from naswot.io.parquet import write_parquet

STD = dict(zip(COMPONENTS, (9.0, 2.0, 1.0, 3.0, 4.0, 0.5, 2.5), strict=True))


def simulate(generator, a, b, i):
    """Return a design of random effects with the standard deviations `STD`."""
    shapes = ((a, 1, 1), (1, b, 1), (1, 1, i), (a, b, 1), (a, 1, i), (1, b, i), (a, b, i))
    return 1500 + sum(
        generator.normal(0, STD[name], shape)
        for name, shape in zip(COMPONENTS, shapes, strict=True)
    )


def least_squares(y):
    """Return the mean squares by regression on indicators, each effect after those before it."""
    rows = list(itertools.product(*map(range, y.shape)))
    seen, left = [np.ones((len(rows), 1))], y.ravel() - y.mean()
    rank, error, found = 1, (left**2).sum(), []
    for factors in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
        labels = [tuple(row[factor] for factor in factors) for row in rows]
        seen.append(np.array([[label == one for one in sorted(set(labels))] for label in labels]))
        design = np.hstack(seen).astype(float)
        fitted = design @ np.linalg.lstsq(design, y.ravel(), rcond=None)[0]
        now, now_rank = ((y.ravel() - fitted) ** 2).sum(), np.linalg.matrix_rank(design)
        found.append((error - now) / (now_rank - rank))
        error, rank = now, now_rank
    return found


@pytest.mark.parametrize("shape", [(2, 2, 2), (5, 3, 4), (4, 2, 3)])
def test_mean_squares_are_those_of_a_regression_on_indicators(shape):
    y = simulate(np.random.default_rng(sum(shape)), *shape)
    np.testing.assert_allclose(list(mean_squares(y).values()), least_squares(y), rtol=1e-6)


def test_components_are_found_on_average():
    generator = np.random.default_rng(0)
    designs = np.stack([simulate(generator, 8, 5, 4) for _ in range(4000)])
    found = components(designs)
    for name in COMPONENTS:
        error = found[name].std() / np.sqrt(len(designs))
        assert abs(found[name].mean() - STD[name] ** 2) < 4 * error, name


def test_shares_count_negative_estimates_as_zero_and_sum_to_one():
    found = dict.fromkeys(COMPONENTS, 1.0) | {"images": -3.0}
    share = shares(found)
    assert share["images"] == 0
    assert sum(share.values()) == pytest.approx(1)


def test_the_interval_over_architectures_holds_the_truth_of_architectures():
    y = simulate(np.random.default_rng(3), 80, 5, 5)
    row = decompose(y, 300).set_index("component").loc["architecture"]
    assert row["std_low"] < STD["architecture"] < row["std_high"]
    assert row["std_low"] < row["std"] < row["std_high"]
    assert row["share_low"] < row["share"] < row["share_high"]


@pytest.mark.parametrize("repeated", REPEATED)
@pytest.mark.parametrize("repeats", [1, 3])
def test_reliability_is_the_correlation_of_two_averages(repeated, repeats):
    known = {name: value**2 for name, value in STD.items()}
    y = simulate(np.random.default_rng(5), 4000, 6, 6)
    pairs = split_averages(y, repeated, repeats, seed=0)
    measured = np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs])
    assert measured == pytest.approx(reliability(known, repeated, repeats), abs=0.01)


@pytest.mark.parametrize("repeated", REPEATED)
def test_averages_that_are_compared_share_no_repeat(repeated):
    """Every score is a power of two: the bits of a sum tell what was added."""
    y = (2.0 ** np.arange(20)).reshape(1, 4, 5)
    for one, other in split_averages(y, repeated, 2, seed=1):
        cells = [int(2 * mean[0]) for mean in (one, other)]
        assert cells[0] & cells[1] == 0
        places = [divmod(bit, 5) for bit in range(20) if (cells[0] | cells[1]) >> bit & 1]
        batches, starts = (len(set(axis)) for axis in zip(*places, strict=True))
        expected = {"mini-batches": (4, 1), "initialisations": (1, 4), "both": (4, 4)}
        assert (batches, starts) == expected[repeated]


def test_averages_need_enough_repeats():
    y = np.zeros((3, 4, 5))
    assert split_averages(y, "mini-batches", 3, 0) == []
    assert len(averages_of(y, "mini-batches", 4, 0)) > 0
    assert averages_of(y, "both", 5, 0) == []


def test_stability_is_the_mean_over_splits():
    generator = np.random.default_rng(2)
    y, accuracy = simulate(generator, 12, 4, 4), generator.normal(size=12)
    table = stability_of(y, accuracy, resamples=20).set_index(["repeated", "repeats"])
    pairs = split_averages(y, "both", 2, seed=0)
    expected = np.mean([kendall(one, other)[0, 0] for one, other in pairs])
    row = table.loc[("both", 2)]
    assert row["tau"] == pytest.approx(expected)
    expected = np.mean([kendall(one, accuracy)[0, 0] for pair in pairs for one in pair])
    assert row["tau_accuracy"] == pytest.approx(expected)
    assert table["splits"].gt(0).groupby("repeated").sum().tolist() == [2, 2, 2]
    assert table.loc[("both", 20), "tau_predicted"] > row["tau_predicted"]
    assert np.isnan(table.loc[("both", 3), "tau"])
    assert np.isfinite(table.loc[("both", 3), "tau_accuracy"])


def shard(y, folder):
    """Write the scores (architectures, mini-batches, initialisations), a file a mini-batch."""
    paths = []
    for batch in range(y.shape[1]):
        rows = [
            {"index": 7 * a, "accuracy": float(a), "batch_seed": batch, "init_seed": i}
            | {"score": y[a, batch, i]}
            for i in range(y.shape[2])
            for a in range(y.shape[0])
        ]
        paths.append(folder / f"{batch}.parquet")
        about = {"space": "nasbench201", "dataset": "cifar100", "accuracy": "k", "images": "noise"}
        write_parquet(pd.DataFrame(rows), paths[-1], about)
    return paths


def test_architectures_with_any_infinite_score_are_left_out_and_counted(tmp_path):
    y = simulate(np.random.default_rng(1), 9, 3, 3)
    expected = components(y[1:])
    better = components(y[5:])
    y[0, 2, 1] = -np.inf
    estimate_variance(
        shard(y, tmp_path), tmp_path / "c.csv", tmp_path / "s.csv", resamples=10, seed=0
    )
    table = pd.read_csv(tmp_path / "c.csv")
    assert (table["excluded"] == 1).all()
    for name, count, found in (("all", 8, expected), ("better half", 4, better)):
        rows = table[table["population"] == name].set_index("component")
        assert (rows["architectures"] == count).all()
        np.testing.assert_allclose(rows["variance"], list(found.values()), rtol=1e-4)
    assert set(pd.read_csv(tmp_path / "s.csv")["population"]) == {"all", "better half"}


def test_no_finite_architectures_give_empty_tables(tmp_path):
    y = np.full((3, 2, 2), -np.inf)
    estimate_variance(
        shard(y, tmp_path), tmp_path / "c.csv", tmp_path / "s.csv", resamples=10, seed=0
    )
    assert pd.read_csv(tmp_path / "c.csv").empty


@settings(max_examples=60, deadline=None)
@given(arrays(float, (2, 6), elements=st.sampled_from([-np.inf, 0.0, 1.0, 2.5, 4.0])))
def test_kendall_is_scipys_with_minus_infinity_last(scores):
    from scipy.stats import kendalltau

    ranked = np.where(np.isneginf(scores), -1.0, scores)
    expected = kendalltau(*ranked).statistic
    np.testing.assert_allclose(kendall(scores[0], scores[1])[0, 0], expected, atol=1e-12)
