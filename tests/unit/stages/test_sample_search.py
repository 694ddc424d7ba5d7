"""NASWOT, Random and Optimal against one naive run at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.benchmarks.datasets import DATASETS
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.stages.sample_search import chance_of_pool, search, search_by_sampling, trajectory

CIFAR100 = DATASETS["nasbench201"]["cifar100"]
VALID, TEST = "cifar100/x-valid/200", "cifar100/x-test/200"
special = st.sampled_from([-np.inf, np.nan, 0.0, 1.0])
pools = st.lists(
    st.tuples(special | st.floats(-9, 9), st.floats(0, 100), st.floats(0, 100), st.floats(0, 1)),
    min_size=3,
    max_size=12,
)


def table_of(pool):
    frame = pd.DataFrame(pool, columns=["score", VALID, TEST, "seconds"])
    return frame.assign(index=100 + np.arange(len(pool)), arch=[f"a{i}" for i in range(len(pool))])


def naive(table, method, size, seed):
    """One run, spelled out."""
    drawn = np.random.default_rng(seed).permutation(len(table))[:size]
    rows = [table.iloc[position] for position in drawn]
    if method == "random":
        return rows[0], rows[0], np.nan
    if method == "optimal":
        best_valid, best_test = rows[0], rows[0]
        for row in rows:
            best_valid = row if row[VALID] > best_valid[VALID] else best_valid
            best_test = row if row[TEST] > best_test[TEST] else best_test
        return best_valid, best_test, np.nan
    best = rows[0]
    for row in rows:
        known, before = not np.isnan(row["score"]), not np.isnan(best["score"])
        if (known and not before) or row["score"] > best["score"]:
            best = row
    return best, best, sum(row["seconds"] for row in rows)


@given(pools, st.sampled_from(["naswot", "optimal", "random"]), st.integers(0, 99))
def test_every_run_equals_the_naive_one(pool, method, seed):
    table = table_of(pool)
    size = 1 if method == "random" else 3
    found = search(table, CIFAR100, method, size, runs=4, seed=seed)
    assert list(found["seed"]) == [seed, seed + 1, seed + 2, seed + 3]
    for run in found.to_dict("records"):
        valid, test, seconds = naive(table, method, size, run["seed"])
        assert (run["index"], run["test_index"]) == (valid["index"], test["index"])
        assert (run["valid"], run["test"]) == (valid[VALID], test[TEST])
        assert run["arch"] == valid["arch"]
        np.testing.assert_allclose(run["search_seconds"], seconds)


def test_a_larger_sample_only_adds_to_a_smaller_one():
    table = table_of(np.random.default_rng(0).random((50, 4)))
    best = [search(table, CIFAR100, "optimal", n, 30, 0)["valid"] for n in (5, 10, 50)]
    assert (best[0] <= best[1]).all()
    assert (best[1] <= best[2]).all()
    assert (best[2] == table[VALID].max()).all()


def test_an_accuracy_that_the_table_lacks_is_not_made_up():
    found = search(table_of(np.ones((4, 4))).drop(columns=TEST), CIFAR100, "naswot", 2, 3, 0)
    assert found["test"].isna().all()
    assert found["valid"].notna().all()


def test_a_score_of_minus_infinity_is_chosen_last():
    table = table_of([(-np.inf, 90, 90, 1), (np.nan, 80, 80, 1), (-5.0, 10, 10, 1)])
    found = search(table, CIFAR100, "naswot", 3, runs=20, seed=0)
    assert (found["valid"] == 10).all()
    assert found["search_seconds"].tolist() == pytest.approx([3.0] * 20)


def test_the_best_of_draws_that_are_not_all_known_is_not_known():
    pool = [(0.5, 50.0 + number, 50.0 + number, 1.0) for number in range(9)]
    table = table_of([(0.5, np.nan, 70.0, 1.0), *pool])
    found = search(table, CIFAR100, "optimal", 10, runs=5, seed=0)
    assert found["valid"].isna().all()
    assert (found["test"] == 70).all()


def test_an_accuracy_is_called_by_its_key(tmp_path):
    table = table_of(np.random.default_rng(0).random((20, 4)))
    for frame, key in ((table, VALID), (table.drop(columns=VALID), TEST)):
        write_parquet(frame, tmp_path / "table.parquet", {"space": "nasbench201"})
        outputs = [tmp_path / name for name in ("runs.parquet", "trajectories.parquet")]
        search_by_sampling(
            tmp_path / "table.parquet",
            *outputs,
            dataset=DATASETS["nasbench201"]["cifar100"],
            method="optimal",
            sample_sizes=[3],
            runs=2,
            seed=0,
        )
        assert {read_metadata(path)["fitness"] for path in outputs} == {key}
        steps = read_parquet(outputs[1])
        assert steps["fitness"].tolist() == frame.set_index("index")[key][steps["index"]].tolist()


def test_the_chance_of_a_pool_is_that_of_the_best_network_being_in_it():
    table = table_of(np.random.default_rng(0).random((60, 4)))
    accuracies = table.sort_values("score", ascending=False)[TEST].to_numpy()
    worse = np.arange(60, -1, -1) / 60  # share of the pool from a rank on
    chosen = worse[:-1] ** 60 - worse[1:] ** 60
    expected = np.sqrt(chosen @ accuracies**2 - (chosen @ accuracies) ** 2)
    found = chance_of_pool(table, lambda pool: search(pool, CIFAR100, "naswot", 60, 3, 0), seed=0)
    assert found["test"] == pytest.approx(expected, rel=0.2)
    lacking = table.drop(columns=VALID)
    found = chance_of_pool(lacking, lambda pool: search(pool, CIFAR100, "random", 1, 400, 0), 0)
    assert found["test"] == pytest.approx(table[TEST].std() / np.sqrt(60), rel=0.3)
    assert found["valid"] is None


@pytest.mark.parametrize("sample", ["all", 20])
def test_only_a_part_of_a_space_is_a_pool_of_chance(sample, tmp_path):
    table = table_of(np.random.default_rng(0).random((20, 4)))
    paths = [tmp_path / name for name in ("joined", "runs", "drawn")]
    write_parquet(table, paths[0], {"space": "nasbench201", "score": "naswot", "sample": sample})
    asked = {"method": "naswot", "sample_sizes": [3, 5], "runs": 2, "seed": 0}
    search_by_sampling(*paths, dataset=CIFAR100, **asked)
    assert list(read_metadata(paths[1]).get("pool_deviation", {})) == ["3", "5"] * (sample == 20)


def test_without_validation_accuracies_the_best_is_the_tests():
    table = table_of(np.random.default_rng(0).random((20, 4))).drop(columns=VALID)
    found = search(table, CIFAR100, "optimal", 5, runs=10, seed=0)
    assert (found["index"] == found["test_index"]).all()


def test_an_aggregate_ranks_only_the_networks_of_a_run(tmp_path):
    generator = np.random.default_rng(0)
    columns = {f"score:{name}": generator.integers(0, 9, 30) for name in "ab"}
    pool = table_of([(0.0, 1.0 * number, 1.0 * number, 0.5) for number in range(30)])
    about = {"space": "nasbench201", "score": "both", "members": ["a", "b"], "by": "rank"}
    paths = [tmp_path / name for name in ("joined", "runs", "drawn")]
    write_parquet(pool.assign(**columns), paths[0], about | {"sample": "all"})
    asked = {"dataset": CIFAR100, "method": "naswot", "sample_sizes": [4], "runs": 9, "seed": 0}
    search_by_sampling(*paths, **asked)
    for run in read_parquet(paths[1]).to_dict("records"):
        drawn = pool["index"].to_numpy()[np.random.default_rng(run["seed"]).permutation(30)[:4]]
        ranks = [0.0] * 4
        for values in columns.values():
            mine = values[drawn - 100]
            for place, value in enumerate(mine):
                ranks[place] += (mine < value).sum() + (mine == value).sum() / 2
        assert run["index"] == drawn[ranks.index(max(ranks))]


@given(pools, st.integers(0, 99))
def test_what_a_trajectory_has_seen_explains_the_choice(pool, seed):
    table = table_of(pool)
    for method in ("naswot", "optimal", "random"):
        seen = trajectory(table, CIFAR100, method, 3, runs=4, seed=seed)
        for size in (1, 2, 3):
            chosen = seen.chosen(4, size)
            found = search(table, CIFAR100, method, size, runs=4, seed=seed)
            assert (table["index"].to_numpy()[seen.pick[chosen]] == found["index"]).all()
            if method == "naswot":
                spent = seen.seconds.reshape(4, 3)[:, size - 1]
                np.testing.assert_allclose(spent, found["search_seconds"])
