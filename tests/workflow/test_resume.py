"""Nothing is done twice, and nothing that depends on a change is left undone."""

import pandas as pd
import pytest

from naswot.io.parquet import read_parquet

REPORTED = ["sum_run_times", "summarise_run", "render_tables", "write_index", "all"]
JUDGED = ["collect_claims", "write_captions"]
FIGURE1 = ["compute_kernels", "measure_similarity", "figure1", *JUDGED]
FIGURE5 = [
    "score_ablation", "summarise_ablations", "estimate_variance", "figure5", "ablations",
    "variance", *JUDGED,
]  # fmt: skip
FIGURE6 = ["train_network", "track_score", "figure6", *JUDGED]
OF_SEARCHES = ["figure7", "anytime"]
DRAWN = [
    "scatter", "figure3", *OF_SEARCHES, "figure5", "ablations", "variance", "figure1", "figure6",
]  # fmt: skip
AFTER_SAMPLING = [
    "write_table2", *OF_SEARCHES, "trace_searches", "compare_with_paper", "record_run", *REPORTED
]  # fmt: skip
AFTER_SEARCHING = ["compare_with_rea", *AFTER_SAMPLING]
AFTER_JOINING = [
    "correlate_scores", "scatter", "figure3", "search_by_sampling", "search_under_budget",
    *FIGURE1, *AFTER_SEARCHING,
]  # fmt: skip
AFTER_SCORING = ["score_networks", "join_accuracies", *FIGURE5, *FIGURE6, *AFTER_JOINING]
CORRELATED = [
    "correlate_scores", "measure_similarity", "track_score", "compare_with_paper", *JUDGED
]  # fmt: skip


def test_the_same_command_again_does_nothing(finished):
    again = finished.run()
    assert again.code == 0
    assert "Nothing to be done" in again.text
    assert again.finished == []


@pytest.mark.slow
def test_new_timestamps_alone_re_run_nothing(finished):
    for path in (finished.path / "naswot").rglob("*.py"):
        path.touch()
    assert finished.run().finished == []


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("naswot/scores/relu.py", AFTER_SCORING),
        ("naswot/search/sampling.py", ["search_by_sampling", *AFTER_SAMPLING]),
        ("naswot/search/bohb.py", ["search_under_budget", *AFTER_SEARCHING]),
        ("naswot/analysis/correlation.py", [*CORRELATED, *DRAWN, *REPORTED]),
        ("naswot/plots/scatter.py", ["scatter", "figure3", "figure1", *REPORTED]),
        ("naswot/plots/figure2.py", ["figure2", *REPORTED]),
        ("naswot/analysis/tables.py", ["write_table2", "figure7", "compare_with_paper", *REPORTED]),
        (
            "resources/published_table2.csv",
            ["write_table2", "figure7", "compare_with_paper", *REPORTED],
        ),
        ("naswot/spaces/nasbench201/diagram.py", ["figure8", *REPORTED]),
        ("naswot/training/loop.py", [*FIGURE6, *REPORTED]),
        ("report/figure3.rst", ["write_captions", "render_tables", "write_index", "all"]),
        ("naswot/reporting/templates/style.css", ["render_tables", "write_index", "all"]),
    ],
)
def test_a_change_re_runs_its_stage_and_what_follows(finished, file, rules):
    finished.edit(file, "\n" if file.endswith(".csv") else "\n# changed\n")
    assert finished.planned() == set(rules)


@pytest.mark.slow
def test_a_change_to_networks_of_another_space_scores_nothing(finished):
    finished.edit("naswot/spaces/nds/operations.py", "\n# changed\n")
    run = finished.run("tables")
    assert run.code == 0, run.text
    assert {
        "convert_benchmark",
        "find_neighbours",
        "join_accuracies",
        "correlate_scores",
        "write_table2",
    } <= set(run.finished)
    assert "score_networks" not in run.finished


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "rules"),
    [
        (
            "n_runs=21",
            ["search_by_sampling", "search_under_budget", "write_captions", *AFTER_SEARCHING],
        ),
        ("search={tournament: 4}", ["search_under_budget", "write_captions", *AFTER_SEARCHING]),
        (
            "bootstrap_resamples=60",
            [
                "correlate_scores", "scatter", "figure3", "compare_with_paper",
                "measure_similarity", "figure1", "estimate_variance", "variance", "track_score",
                "figure6", "record_run", *JUDGED, *REPORTED,
            ],
        ),
        ("kernels={shown: 1}", ["figure1", "record_run", "write_captions", *REPORTED]),
        ("training={epochs: 3}", [*FIGURE6, "record_run", *REPORTED]),
        ("precision=bfloat16", AFTER_SCORING),
        ("batch_size=12", ["draw_batch", *AFTER_SCORING]),
    ],
)  # fmt: skip
def test_a_setting_re_runs_its_stage_and_what_follows(finished, setting, rules):
    assert finished.planned("--config", setting) == set(rules)


@pytest.mark.slow
def test_a_changed_setting_runs_to_the_end(finished):
    run = finished.run("--config", "n_runs=21")
    assert run.code == 0, run.text
    expected = {"search_by_sampling", "search_under_budget", "write_captions", *AFTER_SEARCHING}
    assert set(run.finished) == expected - set(OF_SEARCHES) | {"plot_figure"}


@pytest.mark.slow
@pytest.mark.parametrize("deduplicate", [False, True])
def test_a_larger_sample_scores_only_what_is_new(finished, deduplicate):
    def scored(sample: int) -> int:
        joined = "results/joined/nasbench201/photos/naswot/0.parquet"
        run = finished.run(
            joined, "--config", f"deduplicate={deduplicate}".lower(), f"sample={sample}"
        )
        assert run.code == 0, run.text
        table = read_parquet(finished.path / joined)
        assert len(table) == sample
        assert table["score"].notna().all()
        return run.finished.count("score_networks")

    # Six a shard; the last one is not full at first. Shards of 24 with deduplication are there.
    assert [scored(sample) for sample in (20, 33, 36, 20)] == [1 if deduplicate else 4, 3, 1, 1]


@pytest.mark.slow
def test_another_benchmark_table_scores_nothing_again(finished, mirror):
    run = finished.run("results/table2.csv", "--config", f"mirror={mirror.resolve()}")
    assert run.code == 0, run.text
    assert set(run.finished) == {
        "convert_benchmark",
        "find_neighbours",
        "join_accuracies",
        "search_by_sampling",
        "search_under_budget",
        "write_table2",
    }


def compared(workdir):
    """Return what two runs have in common: all but the seconds, which are measured."""
    table = pd.read_csv(workdir.path / "results/table2.csv").drop(columns="search_seconds")
    joined = workdir.path / "results/joined/nasbench201/photos/naswot/0.parquet"
    return table.to_csv(), joined.read_bytes()


def test_a_killed_run_resumes_to_the_same_results(fresh, complete):
    workdir = fresh()
    shards = workdir.path / "results/scores/nasbench201/photos/naswot/0"
    table = "results/table2.csv"
    killed = workdir.run_and_kill_once(lambda: any(shards.glob("[0-9]*.parquet")), table)
    assert killed.code == -9
    assert not (workdir.path / "results/table2.csv").exists()
    assert {path.name[:2] for path in shards.iterdir()} <= {"00", ".0"}
    kept = {
        path: path.stat().st_mtime_ns
        for path in (workdir.path / "results/architectures").rglob("*.parquet")
    }

    locked = workdir.run(table)
    assert locked.code != 0
    assert "--unlock" in locked.text
    assert workdir.run(table, "--unlock").code == 0
    resumed = workdir.run(table)
    assert resumed.code == 0, resumed.text
    assert "sample_architectures" not in resumed.finished
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert compared(workdir) == compared(complete)
