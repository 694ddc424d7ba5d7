"""Kendall tau and Table 2."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.analysis.correlation import correlate, correlate_scores
from naswot.analysis.rendering import to_latex, to_markdown
from naswot.analysis.tables import columns, merge, summarise, write_table
from naswot.benchmarks.datasets import DATASETS
from naswot.errors import NaswotError
from naswot.io.parquet import write_parquet
from naswot.stages.sample_search import search, search_by_sampling

REPORTED = list(DATASETS["nasbench201"])
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
    found = correlate(x, y, resamples=2, least_plotted=1)
    np.testing.assert_allclose(found.tau, tau_b(x, y), atol=1e-12)
    assert found.n_plotted == (y > 1).sum()
    if found.n_plotted > 1:
        np.testing.assert_allclose(found.tau_plotted, tau_b(x[y > 1], y[y > 1]), atol=1e-12)


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


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12), st.integers(0, 9))
def test_the_interval_is_that_of_resamples_one_by_one(pairs, seed):
    x, y = np.array(pairs).T
    generator, taus = np.random.default_rng(seed), []
    for _ in range(20):
        rows = generator.integers(len(x), size=len(x))
        taus.append(tau_b(x[rows], y[rows]))
    found = correlate(x, y, 20, seed)
    expected = np.nanquantile(taus, [0.025, 0.975]) if np.isfinite(taus).any() else [np.nan] * 2
    np.testing.assert_allclose([found.tau_low, found.tau_high], expected, rtol=1e-12, atol=1e-12)


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
    searches = [
        (
            about("nasbench201", dataset, method, sample="all", images="photos"),
            search(table, DATASETS["nasbench201"][dataset], method, size, 25, 0),
        )
        for dataset in ("cifar10", "cifar100")
        for method, size in (("naswot", 10), ("optimal", 10), ("random", 1))
    ]
    return summarise(searches, "nasbench201", REPORTED)


def about(space, dataset, method, **more):
    """Return the metadata of a search."""
    title = "NASWOT" if method == "naswot" else method.title()
    return {"space": space, "dataset": dataset, "method": method, "title": title} | more


def test_the_published_rows_have_the_public_columns(published):
    assert list(published.columns) == columns(REPORTED)
    assert set(published["family"]) == {"non-weight-sharing", "weight-sharing", "training-free"}
    row = published.set_index("method").loc["NASWOT (N=1000)"]
    assert (row["cifar10_test_mean"], row["imagenet16_120_valid_std"]) == (92.96, 2.05)


def test_measured_rows_stand_below_the_published_ones_of_their_method(published):
    table = merge(published, measured(test=True), REPORTED)
    assert list(table.columns) == columns(REPORTED)
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
    text = to_markdown(merge(published, measured(test=False), REPORTED), REPORTED)
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
    outputs = [tmp_path / f"1.{suffix}" for suffix in ("csv", "md", "tex")]
    with pytest.raises(NaswotError, match="name nasbench101 in `spaces`"):
        write_table([], published, *outputs, datasets=["cifar10"])
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
    dataset = DATASETS["nasbench101"]["cifar10"]
    runs = search(table, dataset, "naswot", 4, 50, 0)
    drawn = about("nasbench101", "cifar10", "naswot", images="noise", sample=40, pool_seed=3)
    (row,) = summarise([(drawn, runs)], "nasbench101", ["cifar10"]).to_dict("records")
    known = runs["valid"].notna().sum()
    assert row["cifar10_valid_mean"] == 90
    assert f"mean of the {known} of 50 runs" in row["note"]
    assert "scored on noise; drawn from a random pool of 40" in row["note"]


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
            search_by_sampling(
                tmp_path / f"{table}.parquet",
                searches[-1],
                tmp_path / "trajectories.parquet",
                dataset=DATASETS["nasbench101"]["cifar10"],
                method=method,
                sample_sizes=[1],
                runs=5,
                seed=0,
            )
    published = root / "resources" / "published_table1.csv"
    csv, markdown, latex = (tmp_path / f"1.{suffix}" for suffix in ("csv", "md", "tex"))
    write_table(searches, published, csv, markdown, latex, datasets=["cifar10"])
    table = pd.read_csv(csv)
    rows = table[(table["method"] == "Random") & (table["source"] == "measured")]
    assert [note.split(";")[0] for note in rows["note"]] == [
        "drawn from a random pool of 20 architectures (seed 7)",
        "drawn from the whole space",
    ]


def budgeted(dataset, *, not_run=None):
    """Return a search under a budget on NAS-Bench-201, of two runs or none."""
    described = about("nasbench201", dataset, "rea", search_family="non-weight-sharing")
    described["title"] = "REA"
    if not_run:
        return described | {"not_run": not_run}, pd.DataFrame()
    described |= {"fitness": "cifar10-valid/x-valid/12", "fitness_epochs": [12]}
    described |= {"budget": 12000.0, "budget_unit": "s", "note": "as a note says"}
    values = {"valid": [80.0, 90.0], "test": [81.0, 91.0], "search_seconds": [11000.0, 11900.0]}
    return described, pd.DataFrame({"sample_size": 0, "run": [0, 1]} | values)


def test_a_search_under_a_budget_has_a_row_that_says_how_it_trained():
    searches = [budgeted(dataset) for dataset in REPORTED]
    (row,) = summarise(searches, "nasbench201", REPORTED).to_dict("records")
    assert (row["method"], row["family"], row["runs"]) == ("REA", "non-weight-sharing", 2)
    assert (row["cifar100_test_mean"], row["search_seconds"]) == (86, 11450)
    assert row["note"] == "fitness cifar10-valid/x-valid/12, budget 12,000 s; as a note says"


def test_a_search_that_was_not_run_has_a_row_with_the_reason():
    searches = [budgeted("cifar10"), budgeted("cifar100", not_run="it rained")]
    (row,) = summarise(searches, "nasbench201", REPORTED).to_dict("records")
    assert row["cifar10_valid_mean"] == 85
    assert np.isnan(row["cifar100_valid_mean"])
    assert "not run for CIFAR-100: it rained" in row["note"]
    (row,) = summarise(searches[1:], "nasbench201", ["cifar100"]).to_dict("records")
    assert row["runs"] == 0
    assert row["note"] == "not run: it rained"


def test_methods_that_differ_in_n_stand_in_its_order(published):
    table = merge(
        published, measured(test=True).replace("NASWOT (N=10)", "NASWOT (N=50)"), REPORTED
    )
    names = [name for name in table["method"] if name.startswith("NASWOT")]
    assert names == ["NASWOT (N=10)", "NASWOT (N=50)", "NASWOT (N=100)", "NASWOT (N=1000)"]


def test_the_latex_is_a_table_of_booktabs_with_as_many_cells_in_each_row(published):
    text = to_latex(merge(published, measured(test=False), REPORTED), REPORTED, ["50 % & more"])
    lines = text.splitlines()
    assert text.count("{") == text.count("}")
    assert lines[0] == "\\begin{table}"
    assert lines.index("\\toprule") < lines.index("\\midrule") < lines.index("\\bottomrule")
    rows = [line for line in lines if line.endswith("\\\\") and "multicolumn" not in line]
    assert {line.count(" & ") for line in rows} == {8}
    assert "$91.19 \\pm 0.31$" in text
    assert "50 \\% \\& more" in text
    assert "cifar10/ori-test/200" in text


@pytest.mark.parametrize(
    ("score", "accuracy", "note"),
    [
        ([1, 2, 3], [np.nan] * 3, "no tau: no architecture has this accuracy"),
        (
            [1, -np.inf, 3],
            [5, 6, np.nan],
            "no tau: architectures with a finite score and this accuracy: 1",
        ),
        ([1, 2, 3], [5, 5, np.nan], "no tau: all 2 accuracies are equal"),
        ([2, 2, -np.inf], [5, 6, 7], "no tau: all 2 scores are equal"),
        ([1, 2, 3], [5, 6, 7], ""),
    ],
)
def test_a_tau_that_cannot_be_computed_is_explained(root, tmp_path, score, accuracy, note):
    key = "cifar10-valid/x-valid/200"
    table = pd.DataFrame({"score": np.array(score, float), key: np.array(accuracy, float)})
    about = {"space": "nasbench201", "score": "synflow", "images": "noise"}
    write_parquet(table, tmp_path / "joined.parquet", about)
    correlate_scores(
        [("cifar10", tmp_path / "joined.parquet")],
        tmp_path / "taus.csv",
        published=root / "resources/published_kendall_tau.csv",
        resamples=2,
        seed=0,
    )
    found = pd.read_csv(tmp_path / "taus.csv", keep_default_na=False).iloc[0]
    assert found["note"].startswith(note)
    assert (found["tau"] == "") == bool(note)
