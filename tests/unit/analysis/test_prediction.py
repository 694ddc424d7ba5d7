"""Predict accuracies: against a slow oracle, for hostile inputs, and what may not matter."""

import re
import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

import naswot
from naswot.analysis import prediction
from naswot.errors import NaswotError
from naswot.scores import AGGREGATES

SIZE = 60
MEMBERS = [*AGGREGATES["ensemble"].scores]


def networks(seed=0, size=SIZE):
    """Return scores, an encoding and accuracies; each score is a noisy accuracy."""
    generator = np.random.default_rng(seed)
    labels = [f"net{k}" for k in range(size)]
    truth = generator.normal(size=size)
    scores = pd.DataFrame(
        {name: truth + generator.normal(size=size) for name in MEMBERS}, index=labels
    )
    encoding = pd.DataFrame(generator.integers(0, 3, (size, 4)), index=labels).astype(float)
    encoding.columns = list("abcd")
    truth = truth + encoding["a"].to_numpy()
    return scores, encoding, pd.Series(90 + truth, index=labels)


def quantile(values):
    """Return normal scores, by counting."""
    values = list(values)
    below = [sum(b < a for b in values) + sum(b == a for b in values) / 2 for a in values]
    return np.array([NormalDist().inv_cdf(count / len(values)) for count in below])


def test_the_start_is_the_ensemble_whatever_else_is_there():
    scores, _, _ = networks()
    more = scores.assign(other=np.arange(SIZE), ntk_condition=-scores["meco"])
    start = prediction._features(more, None, None)[1]
    np.testing.assert_array_equal(start, prediction._features(scores, None, MEMBERS)[1])
    # A score that is lower for better networks is turned round.
    turned = prediction._features(more, None, "ntk_condition")[1]
    np.testing.assert_array_equal(turned, prediction._features(more, None, ["meco"])[1])


def test_accuracies_go_on_in_a_straight_line_up_to_100():
    values = np.array([90.0, 94.0, 97.0, 99.5])
    goal = quantile(values)
    about = pd.Index(["a"]), np.array([], int), values, goal, goal[-1:] + 0.1, np.array([1e-9])
    found = prediction._in_percent(*about)["accuracy"].iloc[0]
    slope = (values[-1] - values[-2]) / (goal[-1] - goal[-2])
    assert found == pytest.approx(min(99.5 + 0.1 * slope, 100), abs=1e-6)


def test_the_process_is_conditioning_a_normal_distribution():
    scores, encoding, accuracies = networks(size=20)
    trained = np.array([3, 1, 7, 12, 18, 9])
    goal = quantile(accuracies.iloc[trained])
    blocks, line = prediction._features(scores, encoding, None)
    mean, deviation = prediction._gaussian_process(blocks, line, trained, goal)
    # The same with a joint covariance matrix, entry by entry.
    columns = np.array([quantile(scores[name]) for name in MEMBERS])
    ranked = np.log([[sum(b <= a for b in scores[m]) / 20 for a in scores[m]] for m in MEMBERS])
    start = quantile(ranked.sum(axis=0))
    np.testing.assert_allclose(line, start)
    first = [(c - c.mean()) / c.std() for c in (*columns, start)]
    second = [(c - c.mean()) / c.std() for c in encoding.to_numpy().T]
    covariance = np.empty((20, 20))
    for i in range(20):
        for j in range(20):
            square = sum(np.mean([(c[i] - c[j]) ** 2 for c in block]) for block in (first, second))
            far = np.sqrt(5 * square) / 1.5
            covariance[i, j] = 0.1 * (1 + far + far**2 / 3) * np.exp(-far)
            covariance[i, j] += 1 + start[i] * start[j]
    inner = np.linalg.inv(covariance[np.ix_(trained, trained)] + 0.01 * np.eye(6))
    np.testing.assert_allclose(mean, covariance[:, trained] @ inner @ goal, atol=1e-9)
    scale = goal @ inner @ goal / 6
    for i in range(20):
        row = covariance[i, trained]
        variance = covariance[i, i] + 0.01 - row @ inner @ row
        assert deviation[i] == pytest.approx(np.sqrt(scale * variance))


def test_improvement_and_deviation_are_those_of_many_draws():
    index = pd.Index(list("abcdef"))
    trained, values = np.arange(4), np.array([90.0, 91.0, 92.5, 93.0])
    goal = quantile(values)
    mean, deviation = np.array([-1.0, 0.0, 0.5, 1.0, 0.7, 1.5]), np.full(6, 0.4)
    found = prediction._in_percent(index, trained, values, goal, mean, deviation)
    draws = np.random.default_rng(0).normal(mean[4:], 0.4, (400_000, 2))
    beyond = values[-1] + (draws - goal[-1]) * (93.0 - 92.5) / (goal[3] - goal[2])
    percent = np.where(draws > goal[-1], beyond, np.interp(draws, goal, values))
    np.testing.assert_allclose(found["accuracy"][4:], percent.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(found["deviation"][4:], percent.std(axis=0), atol=0.05)
    gain = np.maximum(percent - 93, 0).mean(axis=0)
    np.testing.assert_allclose(found["improvement"][4:], gain, atol=0.03)
    assert (found["improvement"][:4] == 0).all()


def test_what_trained_networks_tell_is_better_than_the_start():
    scores, encoding, accuracies = networks(size=200)
    known = accuracies.iloc[:60]
    found = naswot.predict(scores, known, encoding)
    rest = accuracies.index[60:]
    start = scores.rank().transform(np.log).sum(axis=1)
    learned, without = (
        kendalltau(one[rest], accuracies[rest]).statistic for one in (found["accuracy"], start)
    )
    assert learned > without + 0.05
    assert found.index.equals(scores.index)
    assert found.loc[found["improvement"].idxmax()].name in rest


@given(
    values=st.lists(
        st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=2, max_size=2),
        min_size=8,
        max_size=12,
    ),
    accuracies=st.lists(st.floats(0, 100), min_size=5, max_size=8),
)
@settings(max_examples=30, deadline=None)
def test_any_scores_and_accuracies_give_finite_predictions(values, accuracies):
    scores = pd.DataFrame(values, columns=["naswot", "own"])
    if (prediction.ranks(scores.to_numpy()).std(axis=0) == 0).all():
        return  # refused: another test
    found = naswot.predict(scores, dict(enumerate(accuracies)))
    assert np.isfinite(found.to_numpy()).all()
    assert found["accuracy"].between(0, 100).all()
    assert (found[["deviation", "improvement"]] >= 0).all(axis=None)


def test_only_the_ranks_of_scores_count_and_the_order_of_networks_does_not():
    scores, encoding, accuracies = networks()
    known = accuracies.iloc[:12]
    found = naswot.predict(scores, known, encoding)
    bent = scores.assign(meco=np.exp(scores["meco"]))
    pd.testing.assert_frame_equal(naswot.predict(bent, known, encoding), found)
    turned = naswot.predict(scores, known, encoding.iloc[::-1])
    pd.testing.assert_frame_equal(turned, found)


def test_minus_infinity_is_a_rank_below_all_others():
    scores, _, accuracies = networks()
    low = scores.copy()
    low.loc["net5", "jacob_cov"] = -np.inf
    lowest = scores.copy()
    lowest.loc["net5", "jacob_cov"] = scores["jacob_cov"].min() - 1
    known = accuracies.iloc[:12]
    pd.testing.assert_frame_equal(naswot.predict(low, known), naswot.predict(lowest, known))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s, e, a: (s, dict([*a.items()][:4]), e),
            "accuracies: 4 trained networks are too few",
        ),
        (lambda s, e, a: (s, {**a, "net1": np.nan}, e), "'net1' has nan, not percent"),
        (lambda s, e, a: (s, {**a, "net2": 101}, e), "'net2' has 101.0, not percent"),
        (lambda s, e, a: (s, {**a, "nobody": 90}, e), "'nobody' has no row in scores"),
        (lambda s, e, a: (s * 0, a, e * 0), "all columns are constant"),
        (lambda s, e, a: (s, a, e[1:]), "59 rows for 60 networks"),
        (lambda s, e, a: (s, a, e.rename({"net1": "other"})), "encoding: network 'net1'"),
        (lambda s, e, a: (s, a, e.replace(1.0, np.nan)), "encoding: a number is NaN or infinite"),
        (lambda s, e, a: (s.assign(note="fine"), a, e), "column 'note' holds no numbers; drop it"),
        (lambda s, e, a: (s[[]], a, e), "scores: no columns"),
        (lambda s, e, a: (pd.concat([s, s[:1]]), a, e), "scores: network 'net0' is there twice"),
    ],
)
def test_mistakes_are_named_in_one_line(change, message):
    scores, encoding, accuracies = networks()
    arguments = change(scores, encoding, accuracies.iloc[:12].to_dict())
    with pytest.raises(NaswotError, match=re.escape(message)) as error:
        naswot.predict(*arguments)
    assert "\n" not in str(error.value)


def test_a_start_that_is_no_column_is_named():
    scores, _, accuracies = networks()
    with pytest.raises(NaswotError, match="no column 'zen' to start from"):
        naswot.predict(scores, accuracies, start=["zen"])


def test_importing_naswot_imports_no_scikit_learn():
    code = "import sys, naswot; naswot.predict; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_example_of_the_page_runs(root):
    page = (root / "docs/how-to/prediction.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict = {}
    exec(compile(example, "docs/how-to/prediction.md", "exec"), names)
    assert names["following"] not in names["accuracies"]
    assert names["predicted"].loc[names["following"], "improvement"] > 0
