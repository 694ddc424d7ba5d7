"""`snakemake leaderboard`: how well every score ranks, and nothing else."""

import pandas as pd
import pytest

from naswot.analysis.leaderboard import LEADERBOARD

pytestmark = pytest.mark.slow


def test_a_leaderboard_is_made_and_one_score_says_what_is_missing(fresh):
    workdir = fresh()
    mine = "aggregates={mine: {scores: [naswot, params], by: rank}}"
    small = ("--config", "sample=12", "datasets=[cifar10]", mine)
    run = workdir.run("leaderboard", *small, "scores=[naswot,params,mine]")
    assert run.code == 0, run.text
    results = workdir.path / "results"
    assert set(run.finished) == {
        "convert_benchmark", "sample_architectures", "draw_batch", "score_networks",
        "join_accuracies", "combine_scores", "correlate_scores", "compare_scores",
        "make_leaderboard", "render_leaderboard", "plot_figure", "leaderboard",
    }  # fmt: skip
    table = pd.read_csv(results / "leaderboard.csv")
    assert list(table.columns) == LEADERBOARD
    assert set(table["score"]) == {"naswot", "params", "mine"}
    assert table["n"].eq(12).all()
    assert table["peak_memory_mb"].gt(50).all()
    assert (results / "figures/leaderboard.png").read_bytes().startswith(b"\x89PNG")
    page = (results / "tables/leaderboard.html").read_text(encoding="utf-8")
    assert "size alone (params" in page
    run = workdir.run("leaderboard", *small)
    assert run.code == 0, run.text
    page = (results / "tables/leaderboard.html").read_text(encoding="utf-8")
    assert "or set scores: all" in page
