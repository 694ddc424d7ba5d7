"""The leaderboard: every number against a slow version, and its sentence on size."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

from naswot.analysis.comparison import compare_scores
from naswot.analysis.correlation import correlate_scores
from naswot.analysis.leaderboard import LEADERBOARD, compare_with_size, make_leaderboard, measure
from naswot.io.parquet import write_parquet
from naswot.scores import FAMILY_OF
from naswot.spaces import SPACES
from naswot.tables.seconds import write_seconds

KEY = "cifar10/test/108"


@pytest.fixture(scope="module")
def networks():
    """Return scores and a table of 90 networks, some of which score −inf, NaN or as others do."""
    generator = np.random.default_rng(0)
    accuracy = generator.uniform(10, 95, 90).round(1)
    size = accuracy // 10 + generator.integers(0, 9, 90)
    good = accuracy + 20 * generator.random(90)
    good[:3], good[3:5] = -np.inf, np.nan
    scores = pd.DataFrame({"good": good, "params": size, "flops": 2 * size + (accuracy > 50)})
    scores["constant"] = 1.0
    archs = [f"|nor_conv_3x3~0|{'nor_conv_1x1' * (number % 3)}" for number in range(90)]
    return scores, pd.DataFrame({"arch": archs, KEY: accuracy, "params": size})


def last(values):
    """Return `values` with finite numbers for −inf and, below it, NaN."""
    return [-1e9 if math.isnan(v) else -1e8 if math.isinf(v) else v for v in values]


def test_all_networks_count_and_those_without_a_number_are_last(networks):
    scores, table = networks
    rows = pd.DataFrame(measure(scores, table, KEY, 10, 0), index=list(scores))
    good = last(scores["good"])
    assert rows.loc["good", ["n", "minus_inf", "nan"]].tolist() == [90, 3, 2]
    assert rows.at["good", "tau"] == pytest.approx(kendalltau(good, table[KEY]).statistic)
    assert rows.at["good", "spearman"] == pytest.approx(spearmanr(good, table[KEY]).statistic)
    assert rows["rank"].tolist()[:1] == [1]
    assert math.isnan(rows.at["constant", "tau"])
    assert math.isnan(rows.at["constant", "rank"])
    best = np.argsort(table[KEY].to_numpy(), kind="stable")[-9:]
    expected = kendalltau(np.array(good)[best], table[KEY].to_numpy()[best]).statistic
    assert rows.at["good", "tau_top_tenth"] == pytest.approx(expected)
    total = weight = 0.0
    for _, part in table.groupby(table["arch"].str.count("conv")):
        pairs = math.comb(len(part), 2)
        total += pairs * kendalltau(np.array(good)[part.index], part[KEY]).statistic
        weight += pairs
    assert rows.at["good", "tau_within_convolutions"] == pytest.approx(total / weight)


def test_the_difference_from_size_is_paired(networks):
    scores, table = networks
    rows = pd.DataFrame(measure(scores, table, KEY, 40, 7), index=list(scores))
    good, accuracy = np.array(last(scores["good"])), table[KEY].to_numpy()
    generator, differences, taus = np.random.default_rng(7), [], []
    for _ in range(40):
        drawn = generator.integers(90, size=90)
        tau, *sizes = (
            kendalltau(np.array(values)[drawn], accuracy[drawn]).statistic
            for values in (good, scores["params"], scores["flops"])
        )
        taus.append(tau)
        differences.append(tau - max(sizes))
    bounds = np.quantile(differences, [0.025, 0.975])
    assert rows.loc["good", ["beyond_size_low", "beyond_size_high"]].tolist() == pytest.approx(
        list(bounds)
    )
    expected = rows.at["good", "tau"] - max(rows.at["params", "tau"], rows.at["flops", "tau"])
    assert rows.at["good", "beyond_size"] == pytest.approx(expected)
    low, high = np.quantile(taus, [0.025, 0.975])
    assert rows.loc["good", ["tau_low", "tau_high"]].tolist() == pytest.approx([low, high])
    assert rows["beyond_size"].max() == rows.at["good", "beyond_size"] > 0
    assert max(rows.at["params", "beyond_size"], rows.at["flops", "beyond_size"]) == 0


def test_without_size_there_is_no_difference(networks):
    scores, table = networks
    rows = measure(scores[["good"]], table.drop(columns="params"), KEY, 5, 0)
    assert all(math.isnan(rows[0][name]) for name in ("beyond_size", "tau_within_params"))


def test_a_size_that_is_the_same_for_all_networks_is_no_size_to_beat(networks):
    scores, table = networks
    rows = measure(scores[["good", "flops"]].assign(params=7.0), table, KEY, 5, 0)
    assert rows[0]["beyond_size"] == rows[0]["tau"] - rows[1]["tau"]
    assert rows[0]["beyond_size_low"] <= rows[0]["beyond_size_high"]


@pytest.fixture
def made(tmp_path, root):
    """Return leaderboard.csv of three scores and an aggregate of two, and where it is."""
    generator = np.random.default_rng(0)
    accuracy = generator.uniform(10, 95, 60)
    accuracy[7] = np.nan
    joined = []
    for number, score in enumerate(["params", "naswot", "ntk_condition", "mine"]):
        sign = -1 if score == "ntk_condition" else 1
        table = pd.DataFrame({"index": np.arange(60), "arch": "a", "params": np.arange(60)})
        table["score"] = sign * (accuracy + (60 - 15 * number) * generator.random(60))
        table.loc[2, "score"] = sign * -np.inf
        table[KEY] = accuracy
        about = {"space": "nasbench101", "score": score, "images": "noise"}
        if score == "mine":
            about |= {"members": ["naswot", "snip"], "by": "rank"}
        else:
            about["family"] = FAMILY_OF[score]
        paths = tmp_path / f"{score}.parquet", tmp_path / f"{score}.seconds"
        write_parquet(table, paths[0], about)
        timed = table.assign(seconds=0.25, build_seconds=0.05)
        write_seconds(timed, paths[1], about | {"peak_memory_mib": 500 + number})
        joined.append(("cifar10", *paths))
    published = [root / f"resources/published_{name}.csv" for name in ("kendall_tau", "rankings")]
    files = [tmp_path / f"{name}.csv" for name in ("taus", "comparison", "agreement", "top")]
    correlate_scores(
        [pair[:2] for pair in joined], files[0], published=published[0], resamples=9, seed=0
    )
    compare_scores(joined, *files, resamples=9, seed=0)
    output = tmp_path / "leaderboard.csv"
    make_leaderboard(joined, files[3], published, output, resamples=9, seed=0)
    return output


def test_the_table_has_the_best_score_first_and_all_that_is_known(made):
    table = pd.read_csv(made)
    assert list(table.columns) == LEADERBOARD
    rows = table.set_index("score")
    assert list(rows.index) == ["mine", "ntk_condition", "naswot", "params"]
    assert rows["rank"].tolist() == [1, 2, 3, 4]
    assert rows["n"].eq(59).all()  # one accuracy is unknown
    assert rows["minus_inf"].eq(1).all()  # of the score that falls, +inf
    assert rows.at["mine", "needs"] == "images, labels, ReLUs, logits, gradient"
    assert rows.at["mine", "members"] == "naswot snip"
    assert rows.at["naswot", "peak_memory_mb"] == pytest.approx(501 * 1.048576, abs=1e-3)
    top = pd.read_csv(made.parent / "top.csv").set_index(["score", "metric", "k"])["value"]
    assert rows.at["naswot", "regret_10"] == top["naswot", "regret", 10]
    assert rows.at["naswot", "published_tau"] == 0.285
    assert rows.at["naswot", "published_note"].startswith("Mellor et al., ICML 2021: published for")
    assert rows.at["naswot", "published_note"].endswith("ours: 59 networks against " + KEY)
    assert rows["published_spearman"].isna().all()


def test_the_picture_names_every_score(made, drawn):
    texts = drawn("leaderboard", {"table": made})
    assert {"mine", "ntk_condition", "naswot", "params", "NAS-Bench-101", "CIFAR-10"} <= set(texts)


def rows_of(**differences):
    """Return rows of a leaderboard with differences from size, each with its lower bound."""
    rows = [(name, 0.5 + gap, gap, low) for name, (gap, low) in differences.items()]
    sizes = [("params", 0.5, 0, 0), ("flops", 0.4, -0.1, -0.2)]
    return pd.DataFrame([*rows, *sizes], columns=["score", "tau", "beyond_size", "beyond_size_low"])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            rows_of(a=(0.1, 0.05), b=(0.1, -0.1), c=(-0.2, -0.3), d=(np.nan, np.nan)),
            "On X, size alone (params, τ 0.500) ranks better than 2 of 4 other scores; better than "
            "size beyond chance: a.",
        ),
        (
            rows_of(c=(-0.2, -0.3)),
            "On X, size alone (params, τ 0.500) ranks better than 1 of 1 other scores; better than "
            "size beyond chance: none.",
        ),
        (
            rows_of(a=(0.1, 0.05)).iloc[:1],
            "On X, there is no size to compare with: name params and flops in the configuration's "
            "scores, or set scores: all.",
        ),
    ],
)
def test_a_sentence_says_where_size_alone_does_better(rows, sentence):
    assert compare_with_size(rows, "X") == sentence


def test_every_column_is_described(root):
    page = (root / "docs/reference/tables.md").read_text(encoding="utf-8")
    section = page.partition("\n## leaderboard.csv")[2].partition("\n## ")[0]
    described = set(re.findall(r"`(\w+)`", section))
    assert set(LEADERBOARD) <= described


def test_published_rankings_are_of_scores_and_data_sets_that_there_are(root):
    table = pd.read_csv(root / "resources/published_rankings.csv")
    assert not table.duplicated(["space", "dataset", "score"]).any()
    assert table[["source", "note"]].notna().all(axis=None)
    assert (table[["tau", "spearman"]].notna().sum(axis=1) == 1).all()
    assert set(table["score"]) <= set(FAMILY_OF)
    assert set(table["space"]) <= set(SPACES)
