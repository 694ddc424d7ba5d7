"""Kendall tau and Table 2."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.analysis.correlation import correlate
from naswot.analysis.tables import columns, merge, summarise, to_markdown, write_table
from naswot.benchmarks.datasets import datasets_of
from naswot.errors import NaswotError
from naswot.files import write_parquet
from naswot.searching import search, search_table

DATASETS = list(datasets_of("nasbench201"))
numbers = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6))


def tau_b(x, y):
    """Kendall tau-b by its definition, pair by pair."""
    concordance = ties_x = ties_y = 0
    pairs = list(itertools.combinations(range(len(x)), 2))
    for i, j in pairs:
        a, b = np.sign(x[i] - x[j]), np.sign(y[i] - y[j])
        concordance += a * b
        ties_x += a == 0
        ties_y += b == 0
    scale = np.sqrt(float(len(pairs) - ties_x) * float(len(pairs) - ties_y))
    return concordance / scale if scale else np.nan


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=25))
def test_tau_is_tau_b(pairs):
    x, y = map(np.array, zip(*pairs, strict=True))
    np.testing.assert_allclose(correlate(x, y, resamples=2).tau, tau_b(x, y), atol=1e-12)


def test_what_is_not_finite_is_counted_and_ranked_last():
    score = np.array([3.0, 1.0, -np.inf, 2.0, np.nan, -np.inf, 5.0])
    accuracy = np.array([30.0, 10.0, 20.0, 25.0, 40.0, 5.0, np.nan])
    found = correlate(score, accuracy, resamples=10)
    assert (found.n, found.minus_inf, found.nan) == (3, 2, 1)
    assert found.tau == 1.0
    last = np.where(np.isneginf(score), -1e9, score)[[0, 1, 2, 3, 5]]
    assert found.tau_minus_inf_last == pytest.approx(tau_b(last, accuracy[[0, 1, 2, 3, 5]]))


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """For normal pairs with correlation r, tau is 2/π arcsin r."""
    generator, truth, covered = np.random.default_rng(0), 2 / np.pi * np.arcsin(0.6), 0
    for trial in range(100):
        x = generator.standard_normal(120)
        y = 0.6 * x + 0.8 * generator.standard_normal(120)
        found = correlate(x, y, resamples=200, seed=trial)
        covered += found.tau_low <= truth <= found.tau_high
    assert 86 <= covered <= 100


def test_the_interval_is_reproducible():
    x, y = np.random.default_rng(1).random((2, 50))
    assert correlate(x, y, 50, seed=3) == correlate(x, y, 50, seed=3)
    assert correlate(x, y, 50, seed=3) != correlate(x, y, 50, seed=4)


@pytest.fixture
def published(root) -> pd.DataFrame:
    table = pd.read_csv(root / "resources" / "published_table2.csv")
    return table[table["benchmark"] == "nasbench201"]


def measured(*, test: bool) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    columns = {"index": np.arange(40), "arch": "a", "score": generator.random(40), "seconds": 0.5}
    for name, key in (("cifar10-valid", "cifar10/ori-test"), ("cifar100", "cifar100/x-test")):
        columns[f"{name}/x-valid/200"] = generator.uniform(50, 90, 40)
        if test:
            columns[f"{key}/200"] = generator.uniform(50, 90, 40)
    table = pd.DataFrame(columns)
    runs = pd.concat(
        search(table, datasets_of("nasbench201")[dataset], method, size, 25, 0).assign(
            dataset=dataset, pool="", images="photos", score_name="naswot"
        )
        for dataset in ("cifar10", "cifar100")
        for method, size in (("naswot", 10), ("optimal", 10), ("random", 1))
    )
    return summarise(runs, "nasbench201", DATASETS)


def test_the_published_rows_have_the_public_columns(published):
    assert list(published.columns) == columns(DATASETS)
    assert set(published["family"]) == {"non-weight-sharing", "weight-sharing", "training-free"}
    row = published.set_index("method").loc["NASWOT (N=1000)"]
    assert (row["cifar10_test_mean"], row["imagenet16_120_valid_std"]) == (92.96, 2.05)


def test_measured_rows_stand_below_the_published_ones_of_their_method(published):
    table = merge(published, measured(test=True), DATASETS)
    assert list(table.columns) == columns(DATASETS)
    names = list(zip(table["method"], table["source"], strict=True))
    for method in ("NASWOT (N=10)", "Random", "Optimal (N=10)"):
        place = names.index((method, "published"))
        assert names[place + 1] == (method, "measured")


def test_a_measured_row_says_what_it_lacks():
    row = measured(test=False).set_index("method").loc["NASWOT (N=10)"]
    assert row["search_seconds"] == pytest.approx(5.0)
    assert row["runs"] == 25
    assert np.isnan(row["cifar10_test_mean"])
    assert "the benchmark table has no cifar10/ori-test/200" in row["note"]
    assert np.isnan(row["imagenet16_120_valid_mean"])
    assert "ImageNet16-120 was not asked for" in row["note"]


def test_the_markdown_lines_up_and_explains_its_marks(published):
    text = to_markdown(merge(published, measured(test=False), DATASETS), DATASETS)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in table}) == 1
    assert "91.19 ± 0.31" in text
    assert "nan" not in text
    assert set(re.findall(r" \[(\d+)\] ", text)) == set(re.findall(r"^\[(\d+)\]", text, re.M))


def test_published_rows_of_table1_have_its_columns(root):
    table = pd.read_csv(root / "resources" / "published_table1.csv")
    assert list(table.columns) == columns(["cifar10"])
    assert table.set_index("method").at["REA", "cifar10_test_mean"] == 93.87


def test_a_table_of_spaces_that_were_not_asked_for_is_explained(root, tmp_path):
    published = root / "resources" / "published_table1.csv"
    with pytest.raises(NaswotError, match="name nasbench101 in `spaces`"):
        write_table([], published, tmp_path / "1.csv", tmp_path / "1.md", datasets=["cifar10"])
    assert not list(tmp_path.iterdir())


def test_a_mean_over_some_of_the_runs_says_so():
    table = pd.DataFrame(
        {
            "index": np.arange(40),
            "arch": "a",
            "score": np.arange(40.0),
            "seconds": 0.5,
            "cifar10/test/108": np.linspace(80, 90, 40),
            "cifar10/valid/108": np.where(np.arange(40) % 2, 90.0, np.nan),
        }
    )
    dataset = datasets_of("nasbench101")["cifar10"]
    runs = search(table, dataset, "naswot", 4, 50, 0).assign(
        dataset="cifar10", pool="drawn from somewhere", images="noise", score_name="naswot"
    )
    (row,) = summarise(runs, "nasbench101", ["cifar10"]).to_dict("records")
    known = runs["valid"].notna().sum()
    assert row["cifar10_valid_mean"] == 90
    assert f"mean of the {known} of 50 runs" in row["note"]
    assert "scored on noise; drawn from somewhere" in row["note"]


def test_rows_of_a_pool_and_of_the_whole_space_stand_side_by_side(root, tmp_path):
    generator = np.random.default_rng(0)
    whole = pd.DataFrame({"index": np.arange(50), "arch": "a"})
    for split in ("valid", "test"):
        whole[f"cifar10/{split}/108"] = generator.uniform(80, 90, 50)
    pool = whole[:20].assign(score=generator.random(20), seconds=0.5)
    write_parquet(whole, tmp_path / "whole.parquet", {"space": "nasbench101"})
    described = {"space": "nasbench101", "images": "noise", "sample": 20, "pool_seed": 7}
    write_parquet(pool, tmp_path / "pool.parquet", described)
    searches = []
    for table, methods in (("pool", ("naswot", "random")), ("whole", ("random",))):
        for method in methods:
            searches.append(tmp_path / f"{table}-{method}.parquet")
            search_table(
                tmp_path / f"{table}.parquet",
                searches[-1],
                dataset="cifar10",
                method=method,
                sample_sizes=[1],
                runs=5,
                seed=0,
            )
    published = root / "resources" / "published_table1.csv"
    csv, markdown = tmp_path / "1.csv", tmp_path / "1.md"
    write_table(searches, published, csv, markdown, datasets=["cifar10"])
    table = pd.read_csv(csv)
    rows = table[(table["method"] == "Random") & (table["source"] == "measured")]
    assert [note.split(";")[0] for note in rows["note"]] == [
        "drawn from a random pool of 20 architectures (seed 7)",
        "drawn from the whole space",
    ]
