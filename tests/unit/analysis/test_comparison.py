"""Scores side by side: against naive counts and libraries, from tables of the real form."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

from naswot.analysis.comparison import agree, compare, compare_scores, partial_correlation
from naswot.analysis.correlation import correlate_scores
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.plots.registry import FIGURES, OF_SCORES
from naswot.scores import FAMILY_OF
from naswot.scores.aggregates import combine
from naswot.stages.combine import combine_scores
from naswot.tables.seconds import read_seconds, write_seconds

SCORES = ["naswot", "grad_norm", "ntk_condition"]


def test_deciles_and_the_top_are_taus_of_a_tenth_each():
    score, accuracy = np.random.default_rng(0).random((2, 95))
    found = compare(pd.Series(score), pd.Series(accuracy))
    ranked = np.argsort(accuracy)
    sizes = [10] * 5 + [9] * 5
    parts = np.split(ranked, np.cumsum(sizes)[:-1])
    for decile, part in enumerate(parts, 1):
        expected = kendalltau(score[part], accuracy[part]).statistic
        assert found[f"tau_decile_{decile}"] == pytest.approx(expected)
    assert found["tau_top_tenth"] == found["tau_decile_10"]
    assert found["spearman"] == pytest.approx(spearmanr(score, accuracy).statistic)
    assert np.isnan(found["spearman_given_params"])
    assert np.isnan(found["tau_within_params"])


def test_partial_correlation_takes_size_away():
    generator = np.random.default_rng(1)
    params = generator.random(4000)
    accuracy = params + 0.3 * generator.random(4000)
    by_size = pd.Series(params + 0.3 * generator.random(4000))
    found = compare(by_size, pd.Series(accuracy), pd.Series(params))
    assert kendalltau(by_size, accuracy).statistic > 0.6
    assert abs(found["spearman_given_params"]) < 0.1
    fifth = np.ceil(5 * (np.argsort(np.argsort(params)) + 1) / 4000)
    pairs = [(by_size[fifth == n], accuracy[fifth == n]) for n in range(1, 6)]
    expected = np.mean([kendalltau(*pair).statistic for pair in pairs])  # equally large
    assert found["tau_within_params"] == pytest.approx(expected)
    assert expected < 0.4
    assert partial_correlation(0.5, 0.0, 0.0) == 0.5
    assert np.isnan(partial_correlation(0.5, 1.0, 0.5))


def test_rows_that_are_not_finite_are_left_out():
    score = pd.Series([1.0, -np.inf, 2.0, np.nan, 3.0])
    accuracy = pd.Series([1.0, 9.0, 2.0, 9.0, np.nan])
    assert compare(score, accuracy)["spearman"] == pytest.approx(1.0)


def test_agreement_counts_the_finite_pairs():
    scores = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan], "b": [3.0, 2.0, -np.inf, 1.0]})
    found = {(row["score"], row["other"]): row for row in agree(scores)}
    assert found["a", "b"]["n"] == 2
    assert found["a", "b"]["spearman"] == pytest.approx(-1.0)
    assert found["a", "a"]["spearman"] == pytest.approx(1.0)


@pytest.fixture
def joined(tmp_path) -> list:
    """Return joined tables of three scores, the last of which falls as networks get better."""
    generator = np.random.default_rng(0)
    accuracy = generator.uniform(10, 95, 200)
    paths = []
    for number, score in enumerate(SCORES):
        sign = -1 if score == "ntk_condition" else 1
        table = pd.DataFrame({"index": np.arange(200), "arch": "a", "params": np.arange(200)})
        table["score"] = sign * (accuracy + (10 + 40 * number) * generator.random(200))
        table["cifar10/test/108"] = accuracy
        about = {"space": "nasbench101", "score": score, "family": FAMILY_OF[score]}
        about["images"] = "noise"
        paths.append(tmp_path / f"{score}.parquet")
        write_parquet(table, paths[-1], about)
        measured = table.assign(seconds=0.25, build_seconds=0.05)
        write_seconds(measured, seconds_of(paths[-1]), about | {"peak_memory_mib": number})
    return paths


def seconds_of(path):
    return path.with_suffix(".seconds")


@pytest.fixture
def compared(joined, tmp_path, root):
    tables = [("cifar10", path) for path in joined]
    taus = tmp_path / "taus.csv"
    published = root / "resources/published_kendall_tau.csv"
    correlate_scores(tables, taus, published=published, resamples=20, seed=0)
    outputs = tmp_path / "comparison.csv", tmp_path / "agreement.csv"
    timed = [(dataset, path, seconds_of(path)) for dataset, path in tables]
    compare_scores(timed, taus, *outputs, tmp_path / "top.csv", resamples=20, seed=0)
    return outputs


def test_the_comparison_has_a_row_for_every_score(compared):
    comparison, agreement = map(pd.read_csv, compared)
    rows = comparison.set_index("score")
    assert list(rows.index) == SCORES
    assert (rows["n"] == 200).all()
    assert (
        rows.at["naswot", "tau"] > rows.at["grad_norm", "tau"] > 0 > rows.at["ntk_condition", "tau"]
    )
    assert (rows["tau_low"] <= rows["tau"]).all()
    assert (rows["seconds"] == 0.25).all()
    assert len(agreement) == 9


def test_a_vote_turns_scores_that_fall_and_adds_seconds(joined, tmp_path):
    outputs = tmp_path / "vote.parquet", tmp_path / "vote.seconds"
    measured = list(map(seconds_of, joined))
    combine_scores(joined, measured, *outputs, name="mine", by="log-rank")
    table = read_parquet(tmp_path / "vote.parquet")
    about = read_metadata(tmp_path / "vote.parquet")
    assert (about["score"], about["members"], about["by"]) == ("mine", SCORES, "log-rank")
    assert kendalltau(table["score"], table["cifar10/test/108"]).statistic > 0.6
    measured = read_seconds(outputs[1])
    assert list(measured.index) == list(table["index"])
    assert measured["seconds"].unique() == pytest.approx([0.75])
    assert read_metadata(outputs[1])["peak_memory_mib"] == 2


def test_a_network_without_any_of_the_scores_has_no_aggregate():
    scores = np.array([[1.0, 2.0], [np.nan, np.nan], [-np.inf, np.nan], [3.0, 1.0]])
    found = combine(scores, "rank")
    assert np.isnan(found).tolist() == [False, True, False, False]
    assert found[2] == np.nanmin(found) == pytest.approx(1 / 3)


@pytest.mark.parametrize("view", [view for view in OF_SCORES if view != "leaderboard"])
def test_every_view_is_drawn(compared, view, drawn):
    files = dict(zip(("comparison", "agreement"), compared, strict=True))
    texts = drawn(view, {argument: files[argument] for argument in FIGURES[view].inputs})
    shown = {"grad_norm", "naswot"} if view == "figure4" else set(SCORES)
    assert shown == set(texts) & set(SCORES)
