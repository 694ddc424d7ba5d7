"""A user's own score in the workflow: it is ranked like others, and an edit re-scores it alone."""

import pandas as pd
import pytest

from naswot.io.parquet import read_metadata, read_parquet

CODE = """
from naswot.scores.custom import declare


@declare(needs=(), lower_is_better=True)
def narrow(network, batch):
    return -sum(parameter.numel() for parameter in network.parameters())
"""
CONFIG = """
scores: [params, "mine:narrow", both]
aggregates: {both: {scores: [params, "mine:narrow"], by: log-rank}}
datasets: [cifar10]
"""


@pytest.mark.slow
def test_a_score_of_ones_own_is_ranked_like_others(fresh):
    workdir = fresh()
    (workdir.path / "mine.py").write_text(CODE)
    own = (workdir.path / "config/ci.yaml").read_text() + CONFIG
    (workdir.path / "own.yaml").write_text(own)
    targets = ["results/kendall_tau.csv", "results/score_comparison.csv"]
    run = workdir.run(*targets, config="own.yaml")
    assert run.code == 0, run.text
    taus = pd.read_csv(workdir.path / targets[0]).set_index("score")["tau"]
    assert taus["mine:narrow"] == -taus["params"] != 0
    joined = workdir.path / "results/joined/nasbench201/photos"
    assert taus["both"] == taus["params"]
    for score, lower in (("params", False), ("mine:narrow", True), ("both", False)):
        about = read_metadata(joined / score / "0.parquet")
        assert bool(about.get("lower_is_better")) == lower
    assert read_parquet(joined / "mine:narrow/0.parquet")["score"].lt(0).all()

    workdir.edit("mine.py", "# changed\n")
    planned = workdir.run("-n", *targets, config="own.yaml").text
    scored = [line for line in planned.splitlines() if ": Scoring nasbench201" in line]
    assert scored
    assert all("mine:narrow" in line for line in scored)
