"""A mistake gets one clear message, a non-zero exit code and no half-written file."""

import pytest


def outputs(workdir) -> list[str]:
    results = workdir.path / "results"
    return [str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()]


def explained(run, message: str) -> None:
    assert run.code != 0
    assert "Traceback" not in run.text
    assert len([line for line in run.text.splitlines() if message in line]) == 1, run.text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("n_run=3", "n_run is not a known key; did you mean n_runs?"),
        ("shard_size=0", "shard_size = 0 is not allowed; it must be auto, or a whole number"),
        ("mirror=nowhere", "mirror = 'nowhere' is not allowed; no such directory."),
    ],
)
def test_a_wrong_configuration_stops_before_anything_runs(fresh, setting, message):
    workdir = fresh()
    explained(workdir.run("--config", setting), message)
    assert not (workdir.path / "results").exists()


def test_a_damaged_mirror_is_named(fresh, tmp_path):
    workdir = fresh()
    (tmp_path / "nasbench201.parquet").write_bytes(b"PAR1 this is not a table")
    run = workdir.run("results/table2.csv", "--config", f"mirror={tmp_path}")
    explained(
        run, f"convert_benchmark: {tmp_path}/nasbench201.parquet is not a readable Parquet file"
    )
    assert "benchmarks/nasbench201.parquet" not in outputs(workdir)


def test_a_malformed_architecture_in_a_mirror_is_named(fresh, complete, tmp_path):
    from naswot.io.parquet import read_parquet, write_parquet

    table = read_parquet(complete.path / "results/benchmarks/nasbench201.parquet")
    table.loc[7, "arch"] = "|nor_conv_5x5~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    write_parquet(table, tmp_path / "nasbench201.parquet", {})
    workdir = fresh()
    run = workdir.run("results/table2.csv", "--config", f"mirror={tmp_path}")
    explained(run, "'nor_conv_5x5' is not one of the operations none, skip_connect")
    assert "benchmarks/nasbench201.parquet" not in outputs(workdir)


def test_results_that_cannot_be_written_are_named(fresh):
    workdir = fresh()
    (workdir.path / "results").mkdir()
    (workdir.path / "results" / "search").write_text("a file where a folder should be")
    run = workdir.run("results/table2.csv")
    assert run.code != 0
    assert "results/search" in run.text
