"""`snakemake search_study`: what a score finds under a limit of latency, from a small mirror."""

from pathlib import Path

import miniatures
import pandas as pd
import pytest

from naswot.analysis.search_study import COLUMNS
from naswot.benchmarks.hardware import DEVICES, FILE
from naswot.benchmarks.sources import SOURCES, find
from naswot.io.parquet import write_parquet

pytestmark = pytest.mark.slow


@pytest.fixture
def small_mirror(tmp_path) -> Path:
    """Return a mirror with the table of the installed package and made-up latencies."""
    package = find(SOURCES["nasbench201"], None)
    table = package.read(Path(package.file))
    write_parquet(table, tmp_path / "nasbench201.parquet", {"source": "a miniature"})
    write_parquet(miniatures.hardware(), tmp_path / FILE, {})
    return tmp_path


def test_the_study_is_made_and_no_limit_is_violated(fresh, small_mirror):
    workdir = fresh()
    mine = "aggregates={mine: {scores: [naswot, params], by: rank}}"
    settings = [f"mirror={small_mirror}", "datasets=[cifar10]", mine, "scores=[naswot,mine]"]
    run = workdir.run("search_study", "--config", *settings, "search_scores=[naswot,mine]")
    assert run.code == 0, run.text
    assert set(run.finished) == {
        "convert_benchmark", "convert_hardware", "sample_architectures", "draw_batch",
        "score_networks", "join_accuracies", "combine_scores", "study_searches", "plot_figure",
        "search_study",
    }  # fmt: skip
    results = workdir.path / "results"
    table = pd.read_csv(results / "search_study.csv")
    assert list(table.columns) == COLUMNS
    assert set(table["device"]) == {*DEVICES}
    assert set(table["chosen_by"]) == {"naswot", "mine", "params", "random", "optimal"}
    assert set(table["accuracy"]) == {"cifar10-valid/x-valid/200"}  # the package has no other
    found = table[table["runs"] > 0]
    assert (found["latency_ms_max"] <= found["limit_ms"]).all()
    assert found.loc[found["chosen_by"].isin(["naswot", "mine"]), "search_seconds"].gt(0).all()
    summary = (results / "search_study.md").read_text(encoding="utf-8")
    assert "Raspberry Pi 4: mine (N=5)" in summary
    assert (results / "figures/search_study.png").read_bytes().startswith(b"\x89PNG")
    again = workdir.run("search_study", "--config", *settings, "search_scores=[naswot,mine]")
    assert again.code == 0, again.text
    assert set(again.finished) <= {"search_study"}


@pytest.mark.parametrize("given", ["another mirror", "no mirror"])
def test_without_the_latencies_nothing_is_scored_and_one_line_says_why(fresh, small_mirror, given):
    workdir = fresh()
    (small_mirror / FILE).unlink()
    settings = ["--config", f"mirror={small_mirror}"] if given == "another mirror" else []
    run = workdir.run("search_study", *settings)
    assert run.code != 0
    assert "Traceback" not in run.text
    (line,) = [line for line in run.text.splitlines() if FILE in line]
    assert "HW-NAS-Bench (Li et al., ICLR 2021)" in line
    assert "score_networks" not in run.finished
    assert not (workdir.path / "results/search_study.csv").exists()
