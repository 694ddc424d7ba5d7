"""Nothing is done twice, and nothing that depends on a change is left undone."""

import pandas as pd
import pytest

from naswot.files import read_parquet

pytestmark = pytest.mark.slow

DRAWN = ["scatter", "panels", "searches", "figure1"]
KERNELS = ["kernel", "similarity", "figure1"]
AFTER_CHOOSING = ["table2", "searches", "anytime", "contrast", "all"]
AFTER_SEARCHING = ["pair", *AFTER_CHOOSING]
AFTER_JOINING = [
    "correlate", "scatter", "panels", "choose", "search", *KERNELS, *AFTER_SEARCHING
]  # fmt: skip
AFTER_SCORING = ["score", "join", *AFTER_JOINING]


def test_the_same_command_again_does_nothing(finished):
    again = finished.run()
    assert again.code == 0
    assert "Nothing to be done" in again.text
    assert again.finished == []


def test_new_timestamps_alone_re_run_nothing(finished):
    for path in (finished.path / "naswot").rglob("*.py"):
        path.touch()
    assert finished.run().finished == []


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("naswot/scores/rectifiers.py", AFTER_SCORING),
        (
            "naswot/spaces/nds/operations.py",  # networks of another space
            ["convert", "connect", "join", *AFTER_JOINING],
        ),
        ("naswot/search/random.py", ["choose", *AFTER_CHOOSING]),
        ("naswot/search/bohb.py", ["search", *AFTER_SEARCHING]),
        ("naswot/analysis/correlation.py", ["correlate", *KERNELS, *DRAWN, "contrast", "all"]),
        ("naswot/plots/scatter.py", [*DRAWN, "all"]),
        ("naswot/analysis/tables.py", ["table2", "searches", "contrast", "all"]),
        ("resources/published_table2.csv", ["table2", "searches", "contrast", "all"]),
    ],
)
def test_a_change_re_runs_its_stage_and_what_follows(finished, file, rules):
    finished.edit(file, "\n" if file.endswith(".csv") else "\n# changed\n")
    run = finished.run()
    assert run.code == 0, run.text
    assert set(run.finished) == set(rules)


@pytest.mark.parametrize(
    ("setting", "rules"),
    [
        ("n_runs=21", ["choose", "search", *AFTER_SEARCHING]),
        ("search={tournament: 4}", ["search", *AFTER_SEARCHING]),
        (
            "bootstrap_resamples=60",
            ["correlate", "scatter", "panels", "similarity", "figure1", "contrast", "all"],
        ),
        ("kernels={shown: 1}", ["figure1", "all"]),
        ("precision=bfloat16", AFTER_SCORING),
        ("batch_size=12", ["batch", *AFTER_SCORING]),
    ],
)
def test_a_setting_re_runs_its_stage_and_what_follows(finished, setting, rules):
    run = finished.run("--config", setting)
    assert run.code == 0, run.text
    assert set(run.finished) == set(rules)


@pytest.mark.parametrize("deduplicate", [False, True])
def test_a_larger_sample_scores_only_what_is_new(finished, deduplicate):
    def scored(sample: int) -> int:
        run = finished.run("--config", f"deduplicate={deduplicate}".lower(), f"sample={sample}")
        assert run.code == 0, run.text
        joined = read_parquet(finished.path / "results/joined/nasbench201/photos/naswot/0.parquet")
        assert len(joined) == sample
        assert joined["score"].notna().all()
        return run.finished.count("score")

    # Six a shard; the last one is not full at first. Shards of 24 with deduplication are there.
    assert [scored(sample) for sample in (20, 33, 36, 20)] == [1 if deduplicate else 4, 3, 1, 1]


def test_another_benchmark_table_scores_nothing_again(finished, mirror):
    run = finished.run("--config", f"mirror={mirror.resolve()}")
    assert run.code == 0, run.text
    assert set(run.finished) == {"convert", "connect", "join", *AFTER_JOINING}


def without_seconds(workdir):
    table = pd.read_csv(workdir.path / "results/table2.csv").drop(columns="search_seconds")
    joined = read_parquet(workdir.path / "results/joined/nasbench201/photos/naswot/0.parquet")
    return table, joined.drop(columns=["seconds", "build_seconds"])


def test_a_killed_run_resumes_to_the_same_results(fresh, complete):
    workdir = fresh()
    shards = workdir.path / "results/scores/nasbench201/photos/naswot/0"
    killed = workdir.run_and_kill_once(lambda: any(shards.glob("[0-9]*.parquet")))
    assert killed.code == -9
    assert not (workdir.path / "results/table2.csv").exists()
    assert {path.name[:2] for path in shards.iterdir()} <= {"00", ".0"}
    kept = {
        path: path.stat().st_mtime_ns
        for path in (workdir.path / "results/architectures").rglob("*.parquet")
    }

    locked = workdir.run()
    assert locked.code != 0
    assert "--unlock" in locked.text
    assert workdir.run("--unlock").code == 0
    resumed = workdir.run()
    assert resumed.code == 0, resumed.text
    assert "sample" not in resumed.finished
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for ours, theirs in zip(without_seconds(workdir), without_seconds(complete), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
