"""Searches on benchmark tables: files, reasons, and the numbers that others measured."""

import dataclasses

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.datasets import DATASETS
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.search import Settings
from naswot.spaces import SPACES
from naswot.stages.budget_search import COLUMNS, known_neighbours, search_under_budget
from naswot.stages.neighbours import find_neighbours
from naswot.tables.seconds import write_seconds


@pytest.fixture(scope="module")
def settings(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())["search"]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """Return the folder with the default benchmark table and its neighbours."""
    folder = tmp_path_factory.mktemp("tables")
    prepared(folder, None)
    return folder


def prepared(folder, mirror):
    convert_benchmark(BUILT_IN["nasbench201"], mirror, folder / "table.parquet")
    find_neighbours(
        folder / "table.parquet", folder / "neighbours.parquet", space=SPACES["nasbench201"]
    )


def searched(folder, settings, method="rea", runs=20, dataset="cifar10", **more):
    search_under_budget(
        folder / "table.parquet",
        folder / "neighbours.parquet",
        folder / "runs.parquet",
        folder / "trajectories.parquet",
        **{
            "space": SPACES["nasbench201"],
            "dataset": DATASETS["nasbench201"][dataset],
            "searched": DATASETS["nasbench201"]["cifar10"],
            "method": method,
            "settings": settings,
            "runs": runs,
            "seed": 0,
        }
        | more,
    )
    return folder / "runs.parquet", folder / "trajectories.parquet"


def test_a_search_leaves_its_runs_and_all_that_they_evaluated(benchmark, settings):
    runs, trajectories = searched(benchmark, settings, dataset="cifar100")
    found, steps = read_parquet(runs), read_parquet(trajectories)
    table = read_parquet(benchmark / "table.parquet").set_index("index")
    assert list(found.columns) == list(COLUMNS)
    assert list(steps.columns) == ["run", "step", "seconds", "index", "fitness", "epochs"]
    key = "cifar10-valid/x-valid/200"
    assert np.array_equal(steps["fitness"], table[key].loc[steps["index"]])
    best = steps.loc[steps.groupby("run")["fitness"].idxmax()]
    assert found["index"].tolist() == best["index"].tolist()
    assert found["valid"].tolist() == table["cifar100/x-valid/200"].loc[best["index"]].tolist()
    assert found["test"].isna().all()  # the package has none
    assert found["evaluations"].tolist() == steps.groupby("run").size().tolist()
    assert found["search_seconds"].tolist() == steps.groupby("run")["seconds"].max().tolist()
    about = read_metadata(runs)
    assert about == read_metadata(trajectories)
    assert (about["fitness"], about["budget"], about["title"]) == (key, 200_000, "REA")


def test_the_predictor_finds_better_cells_than_evolution(benchmark, settings):
    fitness = {}
    for method in ("predictor", "rea"):
        runs, _ = searched(benchmark, settings, method=method, runs=50)
        fitness[method] = read_parquet(runs)["fitness"]
    assert fitness["predictor"].mean() > fitness["rea"].mean() + 0.1  # measured: 91.56 and 91.32


def test_the_predictor_needs_numbers_that_describe_architectures(benchmark, settings):
    nothing = dataclasses.replace(SPACES["nasbench201"], encode=None)
    runs, _ = searched(benchmark, settings, method="predictor", space=nothing)
    assert read_parquet(runs).empty
    assert "describes its architectures by numbers" in read_metadata(runs)["not_run"]


def test_a_search_that_the_table_does_not_allow_says_why(benchmark, settings, tmp_path):
    table = read_parquet(benchmark / "table.parquet")
    without = table.drop(columns=[name for name in table.columns if "x-valid" in name])
    without["cifar10/ori-test/200"] = 50.0
    write_parquet(without, tmp_path / "table.parquet", {"space": "nasbench201"})
    (tmp_path / "neighbours.parquet").symlink_to(benchmark / "neighbours.parquet")
    runs, trajectories = searched(tmp_path, settings)
    assert "no validation accuracies" in read_metadata(runs)["not_run"]
    assert read_parquet(runs).empty
    assert read_parquet(trajectories).empty
    chosen = settings | {"fitness": {"nasbench201": "cifar10/ori-test/200"}}
    runs, _ = searched(tmp_path, chosen)
    assert "user's choice" in read_metadata(runs)["note"]


def test_part_of_a_space_is_not_all_combinations(benchmark, settings, tmp_path):
    table = read_parquet(benchmark / "table.parquet")
    key = "cifar10-valid/x-valid/200"
    table[key] = table[key].where(table["index"] != 7)
    write_parquet(table, tmp_path / "table.parquet", {"space": "nasbench201"})
    (tmp_path / "neighbours.parquet").symlink_to(benchmark / "neighbours.parquet")
    runs, _ = searched(tmp_path, settings, "reinforce")
    assert "all combinations" in read_metadata(runs)["not_run"]
    runs, trajectories = searched(tmp_path, settings, "local_search")
    assert "among the 15,624 architectures" in read_metadata(runs)["note"]
    assert 7 not in set(read_parquet(trajectories)["index"])


def test_a_budget_that_buys_nothing_is_an_error(benchmark, settings):
    with pytest.raises(NaswotError, match="budget_s = 1 is too small for any training on nasb"):
        searched(benchmark, settings | {"budget_s": 1})


def test_scores_of_some_will_do_for_a_first_population_only(benchmark, settings, tmp_path):
    table = read_parquet(benchmark / "table.parquet", ["index"])[:50]
    files = scored(tmp_path, table.assign(score=np.arange(50.0), seconds=0.1))
    runs, trajectories = searched(benchmark, settings, "area", **files)
    about, steps = read_metadata(runs), read_parquet(trajectories)
    assert about["title"] == "AREA (params)"
    assert "first population from the 50 architectures with a score" in about["note"]
    assert steps[steps["step"] < 10]["index"].max() < 50
    assert (steps["seconds"][steps["step"] == 0] > 2).all()  # twenty scores were paid for
    runs, _ = searched(benchmark, settings, "move_proposal", **files)
    assert "50 of 15,625 are scored" in read_metadata(runs)["not_run"]


def scored(folder, frame, score="params"):
    """Write scores and what they took; return the files by the names of the arguments."""
    files = {name: folder / f"{name}.parquet" for name in ("joined", "seconds")}
    scores, about = frame.drop(columns="seconds"), {"score": score, "images": "photos"}
    write_parquet(scores, files["joined"], about)
    write_seconds(frame.assign(build_seconds=0.0), files["seconds"], about)
    return files


def without_times(benchmark, folder):
    table = read_parquet(benchmark / "table.parquet")
    kept = table[[name for name in table.columns if "seconds" not in name]]
    write_parquet(kept, folder / "table.parquet", {"space": "nasbench201"})
    (folder / "neighbours.parquet").symlink_to(benchmark / "neighbours.parquet")
    return kept


@pytest.mark.parametrize("method", ["rea", "area", "warm_up", "move_proposal"])
def test_without_times_scores_cost_nothing(benchmark, settings, tmp_path, method):
    table = without_times(benchmark, tmp_path)[["index"]]
    files = scored(tmp_path, table.assign(score=1.0 * table["index"], seconds=2.0))
    runs, _ = searched(tmp_path, settings, method, **({} if method == "rea" else files))
    found = read_parquet(runs)
    assert (found["evaluations"] == 106).all()
    assert found["search_seconds"].isna().all()
    assert ("scoring costs nothing" in read_metadata(runs)["note"]) == (method != "rea")


def test_few_scored_architectures_are_scored_once_and_do_not_fill_a_population(
    benchmark, settings, tmp_path
):
    table = read_parquet(benchmark / "table.parquet", ["index"])[:100]
    files = scored(tmp_path, table.assign(score=np.arange(100.0), seconds=3.0))
    _, trajectories = searched(benchmark, settings, "warm_up", **files)
    steps = read_parquet(trajectories)
    for _, run in steps[steps["step"] < 10].groupby("run"):
        assert sorted(run["index"]) == list(range(90, 100))
        assert 300 < run["seconds"].iloc[0] < 300 + 200 * 20  # a hundred scores, one training


def test_scores_that_cost_more_than_the_budget_are_a_reason_not_an_error(
    benchmark, settings, tmp_path
):
    table = read_parquet(benchmark / "table.parquet", ["index"])
    files = scored(tmp_path, table.assign(score=1.0, seconds=1000.0))
    runs, _ = searched(benchmark, settings, "warm_up", **files)
    assert "cost more than the budget" in read_metadata(runs)["not_run"]


def test_scores_that_are_all_nan_are_no_scores(benchmark, settings, tmp_path):
    table = read_parquet(benchmark / "table.parquet", ["index"])
    files = scored(tmp_path, table.assign(score=np.nan, seconds=0.1))
    runs, _ = searched(benchmark, settings, "area", **files)
    assert "has a score" in read_metadata(runs)["not_run"]


def test_where_lower_scores_are_better_the_lowest_are_kept(benchmark, settings, tmp_path):
    table = read_parquet(benchmark / "table.parquet", ["index"])
    frame = table.assign(score=np.arange(len(table), dtype=float), seconds=0.0)
    files = scored(tmp_path, frame, "ntk_condition")
    _, trajectories = searched(benchmark, settings, "warm_up", **files)
    steps = read_parquet(trajectories)
    assert steps[steps["step"] < 10]["index"].max() < 1000


@given(st.integers(0, 10**6), st.integers(3, 9))
def test_unknown_architectures_are_passed_over(seed, size):
    generator = np.random.default_rng(seed)
    near = generator.random((size, size)) < 0.4
    np.fill_diagonal(near, False)
    known = np.flatnonzero(generator.random(size) < 0.6)
    width = max(1, near.sum(axis=1).max())
    graph = np.array([[*np.flatnonzero(row), *[-1] * (width - row.sum())] for row in near])
    found = known_neighbours(graph, known)
    for row, one in enumerate(known):
        reached = set(np.flatnonzero(near[one]))
        for passed in reached - set(known):
            reached |= set(np.flatnonzero(near[passed]))
        expected = sorted((reached & set(known)) - {one})
        assert known[found[row][found[row] >= 0]].tolist() == expected


# Others' recomputation from the same accuracies, 12,000 s, 12 epochs, a tournament of 3.
EXPECTED = {
    "rea": {"cifar10": 93.94, "cifar100": 71.89, "imagenet16_120": 45.40},
    "rs": {"cifar10": 93.76, "cifar100": 71.18, "imagenet16_120": 44.77},
}


@pytest.mark.parametrize("method", EXPECTED)
def test_what_searches_find_is_what_others_found(mirror, settings, tmp_path, method):
    prepared(tmp_path, mirror)
    for dataset, expected in EXPECTED[method].items():
        runs, _ = searched(tmp_path, settings, method, runs=500, dataset=dataset)
        test = read_parquet(runs)["test"]
        assert abs(test.mean() - expected) < 3 * test.std() / np.sqrt(500)


def test_settings_of_the_configuration_are_those_of_searches(settings):
    others = {"budget_s", "epochs", "evaluations", "fitness"}
    assert settings.keys() - others == Settings.__dataclass_fields__.keys()
    assert Settings(**{key: settings[key] for key in settings.keys() - others}) == Settings()
